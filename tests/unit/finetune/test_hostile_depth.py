"""NYUv2's two files by others: rubbish, links out of them, bombs, arrays of another kind."""

import io
import os
import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

from mimic_core.finetune.data import load_all, open_usable
from mimic_core.finetune.layouts import NYUv2
from mimic_core.finetune.layouts.mat_file import read_numbers
from mimic_core.kit.errors import MimicError

LABELED, SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"


def saved(**options):
    """Bytes of a MATLAB file."""
    stream = io.BytesIO()
    given = {name: options.pop(name) for name in ("format", "do_compression") if name in options}
    scipy.io.savemat(stream, options, **given)
    return stream.getvalue()


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data


def matrix(name, dims, kind, data):
    """A v5 array whose header may say anything."""
    parts = [(6, struct.pack("<II", kind, 0)), (5, struct.pack(f"<{len(dims)}i", *dims)), (1, name), (9, data)]
    return element(14, b"".join(element(number, part) + bytes(-len(part) % 8) for number, part in parts))


HEADER = saved(a=1)[:128]
GOOD = saved(testNdxs=np.arange(1, 4)[:, None])
SPLIT_FILES = {
    "empty": b"",
    "zeros": bytes(200),
    "text": saved(testNdxs="hello"),
    "damaged": GOOD[:130] + b"\xff" * 60,
    "cut off": GOOD[:-9],
    "noise": np.random.default_rng(0).bytes(3000),
    "header alone": HEADER,
    "v7.3": HEADER[:124] + b"\x00\x02IM" + bytes(400),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(600),
    "cells": saved(testNdxs=np.array([[np.array([1, 2])], [np.array([3])]], object)),
    "structure": saved(testNdxs={"a": 1}),
    "truth values": saved(testNdxs=np.ones((3, 1), bool)),
    "complex": saved(testNdxs=np.ones((3, 1), complex)),
    "sparse": saved(testNdxs=scipy.sparse.csc_matrix(np.eye(3))),
    "no number": saved(testNdxs=np.zeros((0, 1))),
    "not finite": saved(testNdxs=np.array([[1.0], [np.nan]])),
    "infinite": saved(testNdxs=np.array([[np.inf]])),
    "fractions": saved(testNdxs=np.array([[1.5]])),
    "enormous": saved(testNdxs=np.array([[1e308]])),
    "past any index": saved(testNdxs=np.array([[2**64 - 1]], np.uint64)),
    "negative": saved(testNdxs=np.array([[-1]])),
    "more than there are": saved(testNdxs=np.array([[12]])),
    "dims of petabytes": HEADER + matrix(b"testNdxs", (2**31 - 1, 2**31 - 1), 6, bytes(8)),
    "negative dims": HEADER + matrix(b"testNdxs", (-3, -3), 6, bytes(72)),
    "text of terabytes": HEADER + matrix(b"testNdxs", (2**31 - 1, 2**9), 4, b""),
    "cells of petabytes": HEADER + matrix(b"testNdxs", (2**31 - 1, 2**9), 1, b""),
    "a function": HEADER + matrix(b"testNdxs", (1, 1), 16, bytes(8)),
    "opaque": HEADER + matrix(b"testNdxs", (1, 1), 17, bytes(8)),
    "33 dims": HEADER + matrix(b"testNdxs", (1,) * 40, 6, bytes(8)),
    "expands to 64 MB": HEADER + element(15, zlib.compress(bytes(1 << 26))),
    "compressed twice": HEADER + element(15, zlib.compress(element(15, zlib.compress(matrix(b"x", (1, 1), 6, b""))))),
    "v4 of gigabytes": struct.pack("<5i", 0, 1 << 30, 1 << 30, 0, 9) + b"testNdxs\0" + bytes(100),
    "v4 text": saved(testNdxs="hello", format="4"),
    "another name": saved(trainNdxs=np.array([[1]])),
}


@pytest.mark.parametrize("kind", SPLIT_FILES)
def test_a_split_file_of_rubbish_is_refused_by_name(nyuv2, kind):
    (nyuv2 / SPLITS).write_bytes(SPLIT_FILES[kind])
    with pytest.raises(MimicError) as caught:
        NYUv2(nyuv2, "test")
    assert caught.value.where.endswith(SPLITS) and caught.value.remedy and len(caught.value.what) < 400


def test_every_single_damage_of_a_split_file_is_refused_or_read(nyuv2):
    random = np.random.default_rng(0)
    for place in random.integers(0, len(GOOD), 150):
        data = bytearray(GOOD)
        data[place] ^= 1 << int(random.integers(8))
        (nyuv2 / SPLITS).write_bytes(data)
        try:
            assert len(NYUv2(nyuv2, "test")) <= 3
        except MimicError as error:
            assert error.where.endswith(SPLITS)


@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}])
def test_split_files_of_every_kind_of_number_are_read(tmp_path, dtype, options):
    if options.get("format") and dtype in ("i8", "u8"):
        pytest.skip("version 4 has none")
    numbers = np.array([[3], [1], [11]], dtype)
    other = "text" if options.get("format") else {"a": np.array([[1]], object)}
    (tmp_path / SPLITS).write_bytes(saved(other=other, testNdxs=numbers, **options))
    assert read_numbers(tmp_path / SPLITS, "testNdxs", "").tolist() == [3, 1, 11]


def test_a_matrix_of_numbers_is_read_row_after_row_and_of_either_order_of_bytes(tmp_path):
    (tmp_path / SPLITS).write_bytes(saved(testNdxs=np.array([[1, 2, 3], [4, 5, 6]]), format="4"))
    assert read_numbers(tmp_path / SPLITS, "testNdxs", "").tolist() == [1, 2, 3, 4, 5, 6]
    big = [struct.pack(">III", 6, 8, 6) + bytes(4), struct.pack(">IIii", 5, 8, 1, 2)]
    big += [struct.pack(">I", 1 << 16 | 1) + b"n\0\0\0", struct.pack(">IIdd", 9, 16, 7, 8)]
    content = b"".join(big)
    (tmp_path / SPLITS).write_bytes(HEADER[:124] + b"\1\0MI" + struct.pack(">II", 14, len(content)) + content)
    assert read_numbers(tmp_path / SPLITS, "n", "").tolist() == [7, 8]


def test_a_split_file_that_is_too_large_or_no_file_is_refused(nyuv2):
    with (nyuv2 / SPLITS).open("wb") as stream:
        stream.truncate(1 << 33)
    with pytest.raises(MimicError, match="at most"):
        NYUv2(nyuv2, "test")
    (nyuv2 / SPLITS).unlink()
    os.mkfifo(nyuv2 / SPLITS)
    with pytest.raises(MimicError, match="a pipe"):
        NYUv2(nyuv2, "test")


def test_an_image_that_stands_twice_in_the_split_counts_once(nyuv2):
    (nyuv2 / SPLITS).write_bytes(saved(testNdxs=np.array([[10], [9], [10], [11], [9]])))
    split = open_usable(NYUv2, nyuv2, "test", 16)
    assert (split.rows + 1).tolist() == [10, 9, 11]
    assert [skipped.what for skipped in split.skipped] == ["2 of the image numbers are duplicates"]


def replaced(root, key, write):
    with h5py.File(root / LABELED, "a") as file:
        shape = file[key].shape
        del file[key]
        write(file, shape)


def virtual(file, shape):
    layout = h5py.VirtualLayout(shape, "u1")
    layout[:] = h5py.VirtualSource("waits.h5", "x", shape)
    file.create_virtual_dataset("images", layout)


ARRAYS = {
    "stored in another file": lambda file, shape: file.create_dataset(
        "images", shape, "u1", external=[("/bin/ls", 0, 57024)]
    ),
    "virtual": virtual,
    "a link out of the file": lambda file, shape: file.__setitem__("images", h5py.ExternalLink("waits.h5", "/x")),
    "a link to itself": lambda file, shape: file.__setitem__("images", h5py.SoftLink("/images")),
    "a link to the other": lambda file, shape: file.__setitem__("images", h5py.SoftLink("/depths")),
    "a group": lambda file, shape: file.create_group("images"),
    "a type": lambda file, shape: file.__setitem__("images", np.dtype("u1")),
    "nothing": lambda file, shape: file.__setitem__("images", h5py.Empty("u1")),
    "text": lambda file, shape: file.create_dataset("images", data=np.full(shape, b"x")),
    "floats": lambda file, shape: file.create_dataset("images", shape, "f4"),
    "16 bits": lambda file, shape: file.create_dataset("images", shape, "u2"),
    "references": lambda file, shape: file.create_dataset("images", shape, h5py.ref_dtype),
    "rows of any length": lambda file, shape: file.create_dataset("images", shape, h5py.vlen_dtype("u1")),
    "structures": lambda file, shape: file.create_dataset("images", shape, [("a", "u1")]),
    "one number": lambda file, shape: file.__setitem__("images", np.uint8(3)),
    "of no pixel": lambda file, shape: file.create_dataset("images", (*shape[:2], 0, 0), "u1"),
    "of terabytes": lambda file, shape: file.create_dataset(
        "images", (shape[0], 3, 1 << 20, 1 << 20), "u1", chunks=True
    ),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_another_kind_are_refused_by_name(nyuv2, kind):
    os.mkfifo(nyuv2 / "waits.h5")
    replaced(nyuv2, "images", ARRAYS[kind])
    with pytest.raises(MimicError) as caught:
        open_usable(NYUv2, nyuv2, "test", 16)
    assert "nyu_depth_v2_labeled" in caught.value.where and caught.value.remedy


@pytest.mark.parametrize("dtype", ["S1", "u2", "c8", "bool"])
def test_depths_of_another_kind_are_refused(nyuv2, dtype):
    replaced(nyuv2, "depths", lambda file, shape: file.create_dataset("depths", shape, dtype))
    with pytest.raises(MimicError, match="the array 'depths' cannot be read"):
        NYUv2(nyuv2, "test")


@pytest.mark.parametrize("dtype", ["f2", "f8", ">f4"])
def test_depths_of_other_floats_are_read(nyuv2, dtype):
    expected = load_all(NYUv2(nyuv2, "test"), 24)
    with h5py.File(nyuv2 / LABELED) as file:
        depths = file["depths"][()]
    replaced(nyuv2, "depths", lambda file, shape: file.create_dataset("depths", data=depths.astype(dtype)))
    found = load_all(NYUv2(nyuv2, "test"), 24)
    np.testing.assert_allclose(found.target, expected.target, rtol=1e-3)
    np.testing.assert_array_equal(found.valid, expected.valid)


def test_depths_that_are_no_depths_are_invalid(nyuv2):
    def write(file, shape):
        depths = np.full(shape, 2.0)
        depths[8] = 1e308
        depths[9] = -1
        depths[10, : shape[1] // 2] = 1e30
        file["depths"] = depths

    replaced(nyuv2, "depths", write)
    split = open_usable(NYUv2, nyuv2, "test", 16)
    assert [skipped.where[-2:] for skipped in split.skipped] == [" 9", "10"] and len(split) == 1
    assert 0 < load_all(split, 16).valid.mean() < 1


def test_a_chunk_that_is_a_bomb_costs_its_image_alone(nyuv2):
    def write(file, shape):
        array = file.create_dataset("images", shape, "u1", chunks=(1, *shape[1:]), compression="gzip")
        array[:] = 9
        array.id.write_direct_chunk((9, 0, 0, 0), zlib.compress(bytes(1 << 24)))
        array.id.write_direct_chunk((10, 0, 0, 0), zlib.compress(b"ab"))

    replaced(nyuv2, "images", write)
    split = open_usable(NYUv2, nyuv2, "test", 16, threads=2)
    assert [skipped.where[-2:] for skipped in split.skipped] == ["10", "11"]
    assert {skipped.what for skipped in split.skipped} == {"this image cannot be read"}
    assert load_all(split, 16).images.max() == 9 and len(split) == 1


def test_whatever_a_check_raises_costs_its_sample_alone(nyuv2, monkeypatch):
    def check(self, row, size, usual=NYUv2.check):
        if row == 1:
            raise ZeroDivisionError("a fault that nobody foresaw")
        usual(self, row, size)

    monkeypatch.setattr(NYUv2, "check", check)
    split = open_usable(NYUv2, nyuv2, "test", 16)
    assert len(split) == 2 and "a fault that nobody foresaw" in split.skipped[0].what
