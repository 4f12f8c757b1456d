"""HDF5 of others: nothing outside of the file, nothing that runs code, bounds before anything is expanded."""

import os
import zlib

import h5py
import numpy as np
import pytest

from mimic_core.foreign import hdf5, hdf5_chunks
from mimic_core.foreign.hdf5 import member, members, open_hdf5, read_array
from mimic_core.foreign.hdf5_chunks import list_chunks
from mimic_core.kit.errors import UnreadableError

NUMBERS = np.arange(24, dtype=np.uint8).reshape(4, 6)
DEFLATE = {"chunks": (1, 6), "compression": "gzip"}


@pytest.fixture
def made(tmp_path):
    """A function that writes a file and opens it through the guard."""
    opened = []

    def make(write):
        path = tmp_path / "a.h5"
        with h5py.File(path, "w") as file:
            write(file)
        opened.append(open_hdf5(path))
        return opened[-1].__enter__()

    yield make
    for file in opened:
        file.__exit__(None, None, None)


@pytest.mark.parametrize("stored", [{}, DEFLATE, {**DEFLATE, "shuffle": True, "fletcher32": True}, {"chunks": (3, 4)}])
def test_arrays_are_read_whole_and_by_row(made, stored):
    array = made(lambda file: file.create_dataset("x", data=NUMBERS, **stored))["x"]
    np.testing.assert_array_equal(read_array(array, "u"), NUMBERS)
    np.testing.assert_array_equal(read_array(array, "u", row=2), NUMBERS[2])


def test_lzf_is_read(made):
    array = made(lambda file: file.create_dataset("x", data=NUMBERS, chunks=(2, 6), compression="lzf"))["x"]
    np.testing.assert_array_equal(read_array(array, "u"), NUMBERS)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nothing", "text", "empty"])
def test_only_regular_hdf5_files_are_opened(tmp_path, kind):
    path = tmp_path / "a.h5"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind != "nothing":
        path.write_bytes(b"no HDF5" * (kind == "text"))
    with pytest.raises(UnreadableError) as caught, open_hdf5(path):
        pass
    assert caught.value.where == str(path)


def test_links_are_not_followed_and_names_are_no_paths(made, tmp_path):
    os.mkfifo(tmp_path / "waits.h5")

    def write(file):
        file["inside/x"] = NUMBERS
        file["hard"] = file["inside"]
        file["soft"] = h5py.SoftLink("/inside")
        file["itself"] = h5py.SoftLink("/itself")
        file["outside"] = h5py.ExternalLink("waits.h5", "/x")
        file["type"] = np.dtype("f4")

    file = made(write)
    assert members(file) == ["hard", "inside", "itself", "outside", "soft", "type"]
    assert members(member(file, "hard")) == ["x"]
    for name in ("soft", "itself", "outside"):
        with pytest.raises(ValueError, match="link to somewhere else"):
            member(file, name)
    for name in ("inside/x", "outside/x", ".", "", "/", "inside\0"):
        with pytest.raises(ValueError, match="not the name of a member"):
            member(file, name)
    with pytest.raises(ValueError, match="there is no member 'gone'"):
        member(file, "gone")
    for name in ("type", "x"):
        with pytest.raises(ValueError, match="a group was expected"):
            members(member(file if name == "type" else member(file, "inside"), name))


def test_names_that_are_no_utf_8_are_listed_and_opened(made):
    def write(file):
        for name in (b"\xff\xfe", b"\xe4", "ä".encode(), b"a"):
            file.create_group(name)["x"] = NUMBERS

    file = made(write)
    assert len(members(file)) == 4 == len(set(members(file)))
    for name in members(file):
        assert members(member(file, name)) == ["x"]


def test_types_with_a_name_and_groups_that_hold_themselves_are_read(made):
    def write(file):
        file["type"] = np.dtype("u1")
        file.create_dataset("group/x", data=NUMBERS, dtype=file["type"])
        file["group/itself"] = file["group"]

    group = member(made(write), "group")
    for _ in range(50):
        group = member(group, "itself")
    assert members(group) == ["itself", "x"]
    np.testing.assert_array_equal(read_array(member(group, "x"), "u"), NUMBERS)


def test_a_group_of_too_many_members_is_refused(made, monkeypatch):
    monkeypatch.setattr(hdf5, "MEMBERS", 5)
    file = made(lambda file: [file.create_group(f"g{number}") for number in range(6)])
    with pytest.raises(ValueError, match="more than 5 members"):
        members(file)


def outside(file, folder):
    file.create_dataset("x", (10,), "u1", external=[(str(folder / "secret"), 0, 10)])


def virtual(file, folder):
    """A dataset whose shape alone opens the other file, which is a pipe."""
    os.mkfifo(folder / "waits.h5")
    layout = h5py.VirtualLayout((10, 10), "u1", maxshape=(None, 10))
    source = h5py.VirtualSource(str(folder / "waits.h5"), "x", (10, 10), maxshape=(None, 10))
    layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize("kind", [outside, virtual])
def test_datasets_that_lie_in_other_files_are_refused(made, tmp_path, kind):
    (tmp_path / "secret").write_bytes(b"0123456789")
    file = made(lambda file: kind(file, tmp_path))
    with pytest.raises(ValueError, match="lies in other files"):
        read_array(member(file, "x"), "u")


KINDS = {
    "text": np.array([b"a", b"bc"]),
    "text of any length": (["a", "bc"], h5py.string_dtype()),
    "rows of any length": (None, h5py.vlen_dtype("u1")),
    "structures": np.zeros(3, [("a", "u1"), ("b", "f4")]),
    "references": ([h5py.Reference()], h5py.ref_dtype),
    "bytes without meaning": np.zeros(2, "V4"),
    "complex numbers": np.zeros(2, "c8"),
    "truth values": np.zeros(2, bool),
    "floats": np.zeros(2, "f4"),
    "arrays in arrays": np.zeros(2, [("a", "u1", (3,))]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_of_numbers_are_refused(made, kind):
    def write(file):
        data, dtype = KINDS[kind] if isinstance(KINDS[kind], tuple) else (KINDS[kind], None)
        file.create_dataset("x", None if data is not None else (2,), dtype, data)
        file["nothing"] = h5py.Empty("u1")

    file = made(write)
    with pytest.raises((ValueError, TypeError)):
        read_array(member(file, "x"), "u")
    with pytest.raises(ValueError, match="is empty"):
        read_array(member(file, "nothing"), "u")


def filtered(number, *values):
    """What writes a dataset whose chunks went through a filter, which need not be there."""

    def write(file):
        stored = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        stored.set_chunk((4,))
        stored.set_filter(number, h5py.h5z.FLAG_OPTIONAL, values)
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((8,)), stored)

    return write


@pytest.mark.parametrize("number", [4, 5, 6, 307, 32015, 60000])
def test_filters_that_are_not_built_in_are_refused_by_number(made, number):
    try:
        file = made(filtered(number, 1, 2, 3, 4))
    except (ValueError, RuntimeError):
        pytest.skip("this HDF5 does not write it")
    with pytest.raises(ValueError, match=f"filter {number} "):
        read_array(member(file, "x"), "u")


def test_no_filter_is_loaded_from_a_folder(made):
    made(lambda file: None)
    assert h5py.h5pl.size() == 0


def test_compression_of_compression_is_refused(made):
    def write(file):
        stored = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        stored.set_chunk((4,))
        stored.set_deflate(9)
        stored.set_filter(1, h5py.h5z.FLAG_OPTIONAL, (9,))
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((8,)), stored)

    with pytest.raises(ValueError, match="compressed more than once"):
        read_array(member(made(write), "x"), "u")


@pytest.mark.parametrize(
    ("shape", "chunks", "message"),
    [
        ((1 << 40,), (1 << 20,), "at most"),
        ((1 << 29,), (1 << 29,), "at most"),
        ((4, 1 << 28), (4, 1 << 28), "chunks have the shape"),
        ((1, 1 << 27), (1, 2), "too many"),
        ((1 << 20, 1 << 20, 1 << 20), None, "at most"),
    ],
)
def test_announced_gigabytes_are_refused(made, shape, chunks, message):
    dtype = "u1" if chunks else "u8"
    array = made(lambda file: file.create_dataset("x", shape, dtype, chunks=chunks, compression=chunks and "gzip"))["x"]
    with pytest.raises(ValueError, match=message):
        read_array(array, "u", row=0 if len(shape) > 1 and shape[0] < 5 else None)


def chunk_of(data, shape=(4, 6), **stored):
    """What writes an array whose second chunk has these bytes."""

    def write(file):
        file.create_dataset("x", data=np.arange(24, dtype=np.uint8).reshape(shape), chunks=(1, 6), **stored)
        file["x"].id.write_direct_chunk((1, 0), data)

    return write


def packed(megabytes):
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


GZIP = {"compression": "gzip"}
DAMAGED = {
    "no zlib": (b"no zlib", GZIP),
    "zlib that is cut off": (zlib.compress(bytes(6))[:5], GZIP),
    "fewer bytes than it holds": (zlib.compress(b"ab"), GZIP),
    "more bytes than it holds": (zlib.compress(bytes(7)), GZIP),
    "as stored, more bytes": (bytes(7), {"shuffle": True}),
    "as stored, fewer bytes": (bytes(5), {"shuffle": True}),
    "a checksum that differs": (bytes(6) + b"\1\2\3\4", {"fletcher32": True}),
    "less than a checksum": (b"abc", {"fletcher32": True}),
    "LZF that is cut off": (b"\xe0", {"compression": "lzf"}),
    "LZF that repeats what is not there": (b"\x20\xff", {"compression": "lzf"}),
    "no LZF": (b"\x00", {"compression": "lzf"}),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_chunk_costs_its_rows_alone(made, kind):
    data, stored = DAMAGED[kind]
    array = made(chunk_of(data, **stored))["x"]
    for row in (None, 1):
        with pytest.raises(OSError, match=r"chunk|checksum|zlib|header"):
            read_array(array, "u", row=row)
    np.testing.assert_array_equal(read_array(array, "u", row=2), NUMBERS[2])


@pytest.mark.parametrize(
    ("stored", "filters"), [(0, [(1, ())]), (5, []), (7, []), (1 << 31, [(1, ())]), (0, [(3, ())])]
)
def test_chunks_take_what_they_can(stored, filters):
    with pytest.raises(OSError, match="in the file"):
        hdf5_chunks.check_stored(hdf5_chunks.Chunk(stored, 0), filters, 6)


def test_a_chunk_that_expands_beyond_what_it_holds_is_refused(made):
    array = made(chunk_of(packed(8), **GZIP))["x"]
    for row in (None, 1):
        with pytest.raises(OSError, match="in the file"):
            read_array(array, "u", row=row)
    with pytest.raises(ValueError, match="expands to more"):
        hdf5_chunks.unfiltered(packed(8), 0, [(1, (9,))], 6)
    with pytest.raises(ValueError, match="expands to more"):
        hdf5_chunks.unfiltered(b"\x00a" + b"\xe0\xff\x00" * 99, 0, [(32000, ())], 6)


def test_filters_left_out_of_a_chunk_are_not_undone(made):
    def write(file):
        file.create_dataset("x", data=NUMBERS, chunks=(1, 6), **GZIP)
        file["x"].id.write_direct_chunk((1, 0), b"uvwxyz", filter_mask=1)

    np.testing.assert_array_equal(read_array(made(write)["x"], "u", row=1), list(b"uvwxyz"))


@pytest.mark.parametrize("dtype", [">f4", "<f8", "u1"])
@pytest.mark.parametrize(
    "stored",
    [
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf", "shuffle": True},
        {"shuffle": True},
        {"fletcher32": True},
        {"chunks": (7, 9, 4)},
    ],
)
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_filters_are_undone_as_hdf5_does(tmp_path, dtype, stored, version):
    random = np.random.default_rng(0)
    numbers = random.integers(0, 100, (5, 11, 6)).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w", libver=version) as file:
        array = file.create_dataset("x", (7, 11, 6), dtype, fillvalue=3, **{"chunks": (2, 4, 5), **stored})
        array[:5] = numbers
        expected = array[()]
    with open_hdf5(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(read_array(file["x"], "fui"), expected)
        assert read_array(file["x"], "fui").dtype == dtype
        chunks = list_chunks(file["x"])
        for row in range(7):
            np.testing.assert_array_equal(read_array(file["x"], "fui", row, chunks), expected[row])


@pytest.mark.parametrize("data", [b"", bytes(5), b"\xff" * 6, bytes(range(256)) * 3, b"a"])
def test_the_checksum_is_that_of_hdf5(tmp_path, data):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = data or b"\0"
        array = file.create_dataset("x", data=np.frombuffer(data, np.uint8), chunks=(len(data),), fletcher32=True)
        stored = array.id.read_direct_chunk((0,))[1]
    assert int.from_bytes(stored[-4:], "little") == hdf5_chunks.fletcher32(data)
