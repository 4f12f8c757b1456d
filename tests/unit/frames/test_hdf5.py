"""Samples of HDF5 files, whole, broken and hostile."""

import os

import h5py
import numpy as np
import pytest
from unit.sources.raw import encoded, picture, write_h5

from mimic_core.frames.hdf5 import hdf5_views
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import View
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import open_source
from mimic_core.sources.base import Unit


def views_of(path, sample="s"):
    return list(hdf5_views(Unit(f"{path.name}/{sample}", path, inside=sample), ImageSettings()))


def test_views_come_in_natural_order_and_in_colour(tmp_path):
    path = tmp_path / "a.h5"
    images = [encoded(0), encoded(1, ".png"), encoded(2, ".webp"), picture(3), *(encoded(n) for n in range(4, 12))]
    write_h5(path, {"s": images})
    views = views_of(path)
    assert [view.name for view in views] == [f"t0/v{number}" for number in range(12)]
    assert [round(view.image[200, 200, 2] / 10) for view in views] == list(range(12))
    assert all(view.image[9, 9, 0] > 200 and view.image[9, 9, 2] < 60 for view in views)


def test_signed_bytes_are_bytes(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, {"s": [np.frombuffer(encoded(0), np.int8), np.frombuffer(encoded(1), np.int8)]})
    assert len(views_of(path)) == 2


def test_one_damaged_image_is_counted_and_the_rest_is_read(tmp_path):
    path = tmp_path / "a.h5"
    bad = [b"no image", np.zeros(0, np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
    write_h5(path, {"s": [encoded(0), *bad, encoded(5)]})
    with h5py.File(path, "a") as file:
        file["s/frames/t0/v6/intrinsics"] = np.zeros(3)
        file["s/frames/t0/v7"] = 7
        file["s/frames/t0/v8/image"] = h5py.Empty("u1")
        file["s/frames/t0/v9/image/under"] = 1
    found = views_of(path)
    assert [isinstance(view, View) for view in found] == [True, False, False, False, False, True] + [False] * 4
    assert found[1].where.endswith("a.h5/s/t0/v1")


def test_what_leads_out_of_the_file_is_refused(tmp_path):
    path, other = tmp_path / "a.h5", tmp_path / "other.h5"
    write_h5(other, {"s": [encoded(0), encoded(1)]})
    (tmp_path / "secret").write_bytes(encoded(0))
    with h5py.File(path, "w") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "/s")
        group = file.create_group("s/frames/t0")
        group["v0"] = h5py.ExternalLink("other.h5", "/s/frames/t0/v0")
        group.create_group("v1")["image"] = h5py.ExternalLink("other.h5", "/s/frames/t0/v0/image")
        outside = [(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
        group.create_dataset("v2/image", (10,), "u1", external=outside)
        layout = h5py.VirtualLayout((10,), "u1")
        layout[:] = h5py.VirtualSource(str(other), "s/frames/t0/v0/image", (10,))
        group.create_group("v3").create_virtual_dataset("image", layout)
    with pytest.raises(UnreadableError, match="link to somewhere else"):
        views_of(path, "linked")
    views = hdf5_views(Unit("s", path, inside="s"), ImageSettings())
    errors = [next(views) for _ in range(4)]
    assert [("link" in one.what, "other files" in one.what) for one in errors] == [(True, False)] * 2 + [
        (False, True)
    ] * 2
    with pytest.raises(UnreadableError, match="0 readable images"):
        next(views)


def test_announced_terabytes_take_no_memory(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for number in range(2):
            file.create_dataset(f"s/frames/t0/v{number}/image", (2**40,), "u1", chunks=(2**20,))
    with pytest.raises(UnreadableError, match="0 readable images"):
        views_of(path)


def test_a_sample_without_views_and_a_missing_one_are_named(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, {"one": [encoded(0)]})
    with h5py.File(path, "a") as file:
        file.create_group("empty")
        file["number"] = 3
    for sample, said in (("one", "1 readable"), ("empty", "cannot be read"), ("number", "cannot"), ("gone", "cannot")):
        with pytest.raises(UnreadableError, match=said) as raised:
            views_of(path, sample)
        assert f"a.h5, group {sample}" in str(raised.value)


def test_a_file_that_became_shorter_is_unreadable(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, {"s": [encoded(0), encoded(1)]})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UnreadableError, match="cannot be read"):
        views_of(path)


def test_groups_whose_names_are_no_utf_8_are_samples(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, {"s": [encoded(0), encoded(1)], "t": [encoded(2), encoded(3)]})
    with h5py.File(path, "a") as file:
        file.move("s", b"\xff\xfe")
        file.move("t/frames/t0", b"t/frames/\xe4")
        file.move(b"t/frames/\xe4/v0", b"t/frames/\xe4/\xfc")
    units = open_source("demon").units(tmp_path)
    assert [unit.name for unit in units] == ["a.h5/\\xff\\xfe", "a.h5/t"] and not any(unit.fault for unit in units)
    for unit in units:
        assert all(isinstance(view, View) for view in hdf5_views(unit, ImageSettings()))


def test_a_time_that_is_a_link_costs_itself(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, {"s": [encoded(0), encoded(1)]})
    with h5py.File(path, "a") as file:
        file["s/frames/a"] = h5py.SoftLink("/s/frames/a")
        file["s/frames/b"] = h5py.ExternalLink("other.h5", "/s/frames/t0")
        file["s/frames/c"] = 3
        file["s/frames/u/v0/image"] = h5py.SoftLink("/s/frames/t0/v0/image")
    found = views_of(path)
    assert [isinstance(view, View) for view in found] == [False, False, True, True, False]


def test_groups_that_hold_one_another_end(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write_h5(path, {"s": [encoded(0), encoded(1)]})
    with h5py.File(path, "a") as file:
        for number in range(1, 30):
            file[f"s/frames/t{number}"] = file["s/frames/t0"]
    assert len(views_of(path)) == 60
    monkeypatch.setattr("mimic_core.frames.hdf5.VIEWS", 20)
    with pytest.raises(UnreadableError, match="more than 20 views"):
        views_of(path)


def test_an_encoded_image_of_too_many_pixels_costs_itself(tmp_path):
    header = b"P6 60000 60000 255\n" + bytes(50)
    write_h5(tmp_path / "a.h5", {"s": [encoded(0), header, encoded(1)]})
    found = views_of(tmp_path / "a.h5")
    assert [isinstance(view, View) for view in found] == [True, False, True] and "pixels" in found[1].what


def test_a_pipe_named_as_hdf5_is_a_unit_that_says_so(tmp_path):
    os.mkfifo(tmp_path / "a.h5")
    (tmp_path / "b.h5").symlink_to("/dev/zero")
    assert ["a pipe" in unit.fault or "a device" in unit.fault for unit in open_source("demon").units(tmp_path)] == [
        True,
        True,
    ]
