"""Readers of the two layouts: what they give, and what they say about data that is not whole."""

import json

import cv2
import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from mimic_core.finetune.data import load_all, open_usable
from mimic_core.finetune.layouts.nyuv2 import NYUv2, open_nyuv2
from mimic_core.finetune.layouts.taskonomy import Taskonomy
from mimic_core.kit.errors import MimicError


def test_nyuv2_images_and_depths_are_upright(nyuv2):
    split = NYUv2(nyuv2, "test")
    samples = load_all(split, 24)
    assert samples.images.shape == (3, 24, 24, 3) and samples.target.shape == (3, 1, 24, 24)
    assert split.label == "NYUv2" and len(split) == 3
    depth = samples.target[:, 0, 12]
    assert (np.diff(depth, axis=1) > 0).all()  # depth grows to the right, brightness with it
    assert np.abs(samples.images[:, 12].mean(axis=2) - 50 * depth).max() < 6


def test_zero_and_non_finite_depth_is_invalid(nyuv2):
    samples = NYUv2(nyuv2, "train").load([0], 36)
    assert not samples.valid[0, :2].any() and samples.valid[0, 2:].all()
    assert np.isfinite(samples.target).all()


def test_rows_are_counted_from_one(nyuv2):
    with h5py.File(nyuv2 / "nyu_depth_v2_labeled.mat") as file:
        third = file["images"][2].transpose(2, 1, 0)
    scipy.io.savemat(nyuv2 / "splits.mat", {"trainNdxs": np.array([[3]]), "testNdxs": np.array([[1]])})
    image = NYUv2(nyuv2, "train").load([0], 36).images[0]
    np.testing.assert_array_equal(image, cv2.resize(third, (36, 36), interpolation=cv2.INTER_AREA))


def test_taskonomy_pairs_and_holes(taskonomy):
    split = Taskonomy(taskonomy, "train")
    samples = load_all(split, 36)
    assert len(split) == 8 and samples.target.shape == (8, 3, 36, 36)
    assert not samples.valid[:, 0].any() and samples.valid[:, 1:].all()
    normals = 2 * samples.target[:, :, 5] - 1
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 0.02
    assert np.abs(normals[:, 1]).max() < 0.01 and (normals[:, 0] > 0).all()  # x first: not read as BGR
    assert [place.point for place in split.images] == [str(point) for point in range(8)]
    assert len(Taskonomy(taskonomy, "val")) == 1


def test_the_sample_world_is_named(datasets):
    for root, reader, name in ((datasets["depth"], NYUv2, "NYUv2"), (datasets["normals"], Taskonomy, "Taskonomy")):
        assert reader(root, "test").label == name
        (root / "SAMPLE_WORLD.json").write_text(json.dumps({}))
        split = reader(root, "test")
        assert split.label == "sample world" and root / "SAMPLE_WORLD.json" in split.files


def test_missing_nyuv2_files_are_named(nyuv2):
    (nyuv2 / "splits.mat").unlink()
    with pytest.raises(MimicError) as caught:
        NYUv2(nyuv2, "train")
    assert caught.value.where.endswith("splits.mat") and "download" in caught.value.remedy


def test_damaged_nyuv2_files_are_refused(nyuv2):
    (nyuv2 / "splits.mat").write_bytes(b"no matrix here" * 20)
    with pytest.raises(MimicError, match="not a MATLAB v5 file"):
        NYUv2(nyuv2, "train")
    (nyuv2 / "nyu_depth_v2_labeled.mat").write_bytes(b"no HDF5")
    scipy.io.savemat(nyuv2 / "splits.mat", {"trainNdxs": np.array([[3]])})
    with pytest.raises(MimicError, match="HDF5"):
        NYUv2(nyuv2, "train")
    with pytest.raises(MimicError, match="no image numbers 'testNdxs'"):
        NYUv2(nyuv2, "test")


@pytest.mark.parametrize("shape", [(11, 48, 30), (10, 48, 36), (11, 48)])
def test_nyuv2_arrays_of_another_shape_are_refused(nyuv2, shape):
    with h5py.File(nyuv2 / "nyu_depth_v2_labeled.mat", "a") as file:
        del file["depths"]
        file["depths"] = np.ones(shape, np.float32)
    with pytest.raises(MimicError, match=r"should be \(N, 3, W, H\) and \(N, W, H\)"):
        NYUv2(nyuv2, "train")


@pytest.mark.parametrize("number", [0, 12, 2**40])
def test_images_of_a_split_that_are_not_there_are_named_and_left_out(nyuv2, number):
    scipy.io.savemat(nyuv2 / "splits.mat", {"trainNdxs": np.array([[1], [number], [3]])})
    split = NYUv2(nyuv2, "train")
    assert split.rows.tolist() == [0, 2]
    [(where, what)] = split.skipped
    assert where.endswith(f"splits.mat, trainNdxs, image {number}") and "1 to 11" in what


def test_a_split_of_another_dataset_is_refused(nyuv2):
    scipy.io.savemat(nyuv2 / "splits.mat", {"trainNdxs": np.array([[500], [501]])})
    with pytest.raises(MimicError, match="numbered 1 to 11"):
        NYUv2(nyuv2, "train")


def test_an_nyuv2_file_without_depths_is_refused(nyuv2):
    with h5py.File(nyuv2 / "nyu_depth_v2_labeled.mat", "a") as file:
        del file["depths"]
    with pytest.raises(MimicError, match="no array 'depths'"):
        NYUv2(nyuv2, "train")


def test_a_taskonomy_image_without_normals_is_refused(taskonomy):
    (taskonomy / "normal" / "allen" / "point_3_view_1_domain_normal.png").unlink()
    with pytest.raises(MimicError) as caught:
        load_all(Taskonomy(taskonomy, "train"), 16)
    assert "point_3_view_1_domain_normal.png" in caught.value.where


def test_taskonomy_images_that_do_not_fit_or_open_are_refused(taskonomy):
    path = taskonomy / "normal" / "beach" / "point_0_view_0_domain_normal.png"
    cv2.imwrite(str(path), np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(MimicError, match=r"its normals \(10, 10\)"):
        Taskonomy(taskonomy, "test").load([0], 16)
    path.write_bytes(b"no PNG")
    with pytest.raises(MimicError, match="cannot be read"):
        Taskonomy(taskonomy, "test").load([0], 16)


def test_taskonomy_split_files_are_checked(taskonomy):
    splits = taskonomy / "splits" / "train_val_test.csv"
    splits.write_text("id,train,val,test\nnowhere,1,0,0\n")
    with pytest.raises(MimicError, match="no image of a train building"):
        Taskonomy(taskonomy, "train")
    with pytest.raises(MimicError, match="no building has a 1 under 'test'"):
        Taskonomy(taskonomy, "test")
    splits.write_text("name,train\nallen,1\n")
    with pytest.raises(MimicError, match="or id and train"):
        Taskonomy(taskonomy, "train")
    splits.unlink()
    with pytest.raises(MimicError, match="missing"):
        Taskonomy(taskonomy, "train")


def write_images(path, *rows) -> None:
    path.write_text("building,point,view\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))


def test_a_list_of_images_says_which_and_in_which_order(taskonomy):
    write_images(taskonomy / "splits" / "tiny_train.csv", ("beach", 2, 0), ("allen", 5, 1), ("allen", 0, 0))
    split = Taskonomy(taskonomy, "train", {"train": "splits/tiny_train.csv"})
    assert [(place.building, place.point) for place in split.images] == [("beach", "2"), ("allen", "5"), ("allen", "0")]
    assert taskonomy / "splits" / "tiny_train.csv" in split.files
    assert len(Taskonomy(taskonomy, "test", {"train": "splits/tiny_train.csv"})) == 3  # the download's own


def test_images_of_a_list_that_are_not_there_are_named_and_left_out(taskonomy):
    rows = [("allen", 0, 0), ("allen", 99, 0), ("gone", 1, 1), ("..", 1, 1), ("allen", "../0", 0), ("allen", 1, 1)]
    write_images(taskonomy / "splits" / "mine.csv", *rows)

    def opened(root, part):
        return Taskonomy(root, part, {"train": "splits/mine.csv"})

    split = open_usable(opened, taskonomy, "train", 16)
    assert len(split) == 2
    told = " ".join(f"{where} {what}" for where, what in split.skipped)
    assert len(split.skipped) == 4
    assert "point_99" in told and "gone" in told and "is not an image location" in told


def test_a_building_that_was_not_downloaded_is_named(taskonomy):
    with open(taskonomy / "splits" / "train_val_test.csv", "a") as stream:
        stream.write("darden,1,0,0\n")
    split = Taskonomy(taskonomy, "train")
    assert len(split) == 8
    assert [(where.endswith("rgb/darden"), what) for where, what in split.skipped] == [
        (True, "this building was not downloaded")
    ]


def test_several_split_files_ask_for_a_choice(taskonomy):
    (taskonomy / "splits" / "train_val_test_tiny.csv").write_text("id,train,val,test\nbeach,1,0,0\n")
    with pytest.raises(MimicError, match=r"several split files: train_val_test\.csv, .*_tiny\.csv") as caught:
        Taskonomy(taskonomy, "train")
    assert "finetune.tasks.normals.splits" in caught.value.remedy
    assert len(Taskonomy(taskonomy, "train", {"train": "splits/train_val_test_tiny.csv"})) == 3


def test_a_mask_takes_its_blocks_out(taskonomy):
    split = Taskonomy(taskonomy, "train")
    before = split.load([0], 36).valid[0]
    path = taskonomy / "mask_valid" / "allen" / "point_0_view_0_domain_depth_zbuffer.png"
    path.parent.mkdir(parents=True)
    mask = np.full((36, 48), 255, np.uint8)
    mask[17, 21] = 0
    cv2.imwrite(str(path), mask)
    after = split.load([0], 36, whole=True).valid[0]
    assert not after[16:20, 20:24].any()
    assert (before[1:] | True).all() and after[1:16].all() and after[20:].all()


def test_taskonomy_is_resized_as_multimae_does(tmp_path, taskonomy):
    split = Taskonomy(taskonomy, "train")
    path = split.rgb(0)
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    expected = np.asarray(Image.fromarray(image).resize((32, 24), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(split.load([0], 24, whole=True).images[0], expected)


def test_nyuv2_has_no_validation_part_and_no_other_split(nyuv2):
    with pytest.raises(MimicError, match="no part 'val'"):
        open_nyuv2(nyuv2, "val", {})
    with pytest.raises(MimicError, match="split by its own"):
        open_nyuv2(nyuv2, "train", {"train": "mine.csv"})
