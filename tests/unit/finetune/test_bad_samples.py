"""Bad depth and normals: each bad sample is left out by name and counted, and the rest goes on."""

import json

import cv2
import h5py
import numpy as np
import pytest

from mimic_core.finetune import ConstantSettings, constant_baseline, finetune
from mimic_core.kit.errors import MimicError

MISSING = "a file of the dataset is missing"
UNREADABLE = "this image cannot be read"
UNLABELLED = "no pixel of this image has a label"


def spoil_depth(root, number: int) -> None:
    """Leave image ``number`` (from 1) without one valid depth."""
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "a") as file:
        depth = file["depths"][number - 1]
        depth[:] = np.where(np.arange(depth.size).reshape(depth.shape) % 2, np.nan, 0)
        file["depths"][number - 1] = depth


def pair(root, building: str):
    """Image 2 of a building and its normals."""
    return (root / kind / building / f"point_2_view_0_domain_{kind}.png" for kind in ("rgb", "normal"))


def cut_off(path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


KINDS = {
    "image missing": (lambda image, normal: image.write_bytes(b""), UNREADABLE),
    "normals missing": (lambda image, normal: normal.unlink(), MISSING),
    "image cut off": (lambda image, normal: cut_off(image), UNREADABLE),
    "normals cut off": (lambda image, normal: cut_off(normal), UNREADABLE),
    "another size": (lambda image, normal: cv2.imwrite(str(normal), np.zeros((9, 9, 3))), "its normals (9, 9)"),
    "all invalid": (lambda image, normal: cv2.imwrite(str(normal), np.full((36, 48, 3), 127)), UNLABELLED),
}


@pytest.mark.parametrize(("part", "number"), [("train", 3), ("test", 10)])
def test_an_all_invalid_depth_map_is_left_out_and_counted(make_settings, nyuv2, tmp_path, caplog, part, number):
    spoil_depth(nyuv2, number)
    found = finetune(make_settings(seeds=[0, 1]), "random", tmp_path / "out", data=nyuv2)
    where = f"{nyuv2 / 'nyu_depth_v2_labeled.mat'}, image {number}"
    assert found["skipped"] == {"train": [], "test": []} | {part: [{"where": where, "what": UNLABELLED}]}
    assert (found["train_images"], found["test_images"]) == ((7, 3) if part == "train" else (8, 2))
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == found
    assert f"left out: {where}: {UNLABELLED}" in caplog.text and f"1 {part} samples were left out" in caplog.text
    constant = constant_baseline(ConstantSettings("depth", 32), nyuv2, tmp_path / "constant")
    assert {key: constant[key] for key in ("skipped", "test_images", "train_images")} == {
        key: found[key] for key in ("skipped", "test_images", "train_images")
    }


def test_a_damaged_part_of_the_depth_file_is_left_out(make_settings, nyuv2, tmp_path):
    path = nyuv2 / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "a") as file:
        images = file["images"][:]
        del file["images"]
        stored = file.create_dataset("images", data=images, chunks=(1, *images.shape[1:]), fletcher32=True)
        place = stored.id.get_chunk_info_by_coord((2, 0, 0, 0)).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 9] = b"\0\xff\0\xff\0\xff\0\xff\0"
    path.write_bytes(content)
    found = finetune(make_settings(epochs=1, warmup_epochs=0), "random", tmp_path / "out", data=nyuv2)
    assert found["skipped"]["train"] == [{"where": f"{path}, image 3", "what": UNREADABLE}]
    assert (found["train_images"], found["test_images"]) == (7, 3)


def test_a_depth_file_that_is_cut_off_is_refused(make_settings, nyuv2, tmp_path):
    cut_off(nyuv2 / "nyu_depth_v2_labeled.mat")
    with pytest.raises(MimicError, match="HDF5"):
        finetune(make_settings(), "random", tmp_path / "out", data=nyuv2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("part", "building"), [("train", "allen"), ("test", "beach")])
def test_a_bad_pair_of_normals_is_left_out_and_counted(make_settings, taskonomy, tmp_path, part, building, kind):
    spoil, message = KINDS[kind]
    image, normal = pair(taskonomy, building)
    spoil(image, normal)
    settings = make_settings(task="normals", epochs=1, warmup_epochs=0)
    found = finetune(settings, "random", tmp_path / "out", data=taskonomy)
    assert len(found["skipped"][part]) == 1 == sum(map(len, found["skipped"].values()))
    assert message in found["skipped"][part][0]["what"] and "point_2_view_0" in found["skipped"][part][0]["where"]
    assert (found["train_images"], found["test_images"]) == ((7, 3) if part == "train" else (8, 2))


def test_left_out_images_are_those_of_a_set_that_never_had_them(make_settings, taskonomy, tmp_path):
    for building in ("allen", "beach"):
        cut_off(list(pair(taskonomy, building))[1])
    settings = make_settings(task="normals", train_images=5, seeds=[0, 1], epochs=1, warmup_epochs=0)
    found = finetune(settings, "random", tmp_path / "cut", data=taskonomy)
    for building in ("allen", "beach"):
        for path in pair(taskonomy, building):
            path.unlink()
    expected = finetune(settings, "random", tmp_path / "gone", data=taskonomy)
    assert [len(samples) for samples in found.pop("skipped").values()] == [1, 1]
    assert expected.pop("skipped") == {"train": [], "test": []} and found == expected
    with pytest.raises(MimicError, match="train_images is 8, and there are only 7"):
        finetune(make_settings(task="normals", train_images=8), "random", tmp_path / "out", data=taskonomy)


@pytest.mark.parametrize(("part", "numbers"), [("train", range(1, 9)), ("test", range(9, 12))])
def test_without_one_usable_image_a_job_is_refused(make_settings, nyuv2, tmp_path, part, numbers):
    for number in numbers:
        spoil_depth(nyuv2, number)
    with pytest.raises(MimicError, match=f"no {part} sample can be used; the first: {UNLABELLED}") as caught:
        finetune(make_settings(), "random", tmp_path / "out", data=nyuv2)
    assert f"image {numbers[0]}" in caught.value.where and str(nyuv2) in caught.value.remedy
    assert not (tmp_path / "out").exists()
