"""Readers of ADE20K, COCO's keypoints and ImageNet: what they give, and what they say about data that is not whole."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mimic_core.finetune.data import IGNORED, load_all, open_usable
from mimic_core.finetune.layouts import ADE20K, CocoKeypoints, ImageNet
from mimic_core.finetune.layouts.coco_file import usable_document
from mimic_core.kit.errors import MimicError

HEIGHT, WIDTH = 40, 60


def gradient() -> np.ndarray:
    """An RGB image whose red grows to the right and whose green grows downwards."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(WIDTH) * 4, np.arange(HEIGHT)[:, None] * 4
    return image


def save(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rgb[..., ::-1] if rgb.ndim == 3 else rgb, [cv2.IMWRITE_JPEG_QUALITY, 100])


# ---------------------------------------------------------------------- ADE20K


@pytest.fixture
def ade(tmp_path: Path) -> Path:
    base = tmp_path / "ade" / "ADEChallengeData2016"
    labels = np.tile(np.array([0, 1, 150], np.uint8).repeat(20), (HEIGHT, 1))
    for part, prefix, count in (("training", "ADE_train", 3), ("validation", "ADE_val", 2)):
        for number in range(1, count + 1):
            save(base / "images" / part / f"{prefix}_{number:08d}.jpg", gradient())
            save(base / "annotations" / part / f"{prefix}_{number:08d}.png", labels)
    (base / "objectInfo150.txt").write_text("Idx\n")
    return tmp_path / "ade"


def test_ade20k_gives_classes_from_0_and_ignores_other(ade: Path) -> None:
    split = ADE20K(ade, "train")
    maps = load_all(split, 30)
    assert len(split) == len(maps) == 3 and split.label == "ADE20K" and split.classes == 150
    assert maps.images.shape == (3, 30, 30, 3) and maps.labels.shape == (3, 30, 30) and maps.labels.dtype == np.uint8
    assert maps.labels[0, 5].tolist() == [IGNORED] * 10 + [0] * 10 + [149] * 10
    assert (np.diff(maps.images[0, 5, :, 0].astype(int)) > 0).all(), "red comes first"
    assert [path.name for path in split.files] == ["objectInfo150.txt"]
    assert len(ADE20K(ade / "ADEChallengeData2016", "test")) == 2


def test_ade20k_folders_that_are_missing_or_empty_are_named(ade: Path, tmp_path: Path) -> None:
    with pytest.raises(MimicError, match="missing") as caught:
        ADE20K(tmp_path / "nowhere", "train")
    assert caught.value.where.endswith("nowhere/images/training") and "ADEChallengeData2016" in caught.value.remedy
    for path in (ade / "ADEChallengeData2016" / "images" / "training").iterdir():
        path.unlink()
    with pytest.raises(MimicError, match=r"no \.jpg"):
        ADE20K(ade, "train")


def usable(reader: Callable, root: Path, part: str = "train") -> tuple:
    """A split without its bad samples, and what was left out as (end of where, what)."""
    split = open_usable(reader, root, part, 8, threads=2)
    return split, [(skipped.where.rpartition("/")[2], skipped.what) for skipped in split.skipped]


def test_images_and_annotations_without_each_other_are_left_out(ade: Path, caplog: pytest.LogCaptureFixture) -> None:
    base = ade / "ADEChallengeData2016"
    (base / "annotations" / "training" / "ADE_train_00000002.png").unlink()
    (base / "images" / "training" / "ADE_train_00000003.jpg").unlink()
    split, skipped = usable(ADE20K, ade)
    assert [path.stem for path in split.images] == ["ADE_train_00000001"] and split.left_out == ["ADE_train_00000002"]
    assert skipped == [
        ("ADE_train_00000003.png", "this annotation has no image"),
        ("ADE_train_00000002.png", "this image has no annotation"),
    ]
    assert "ADE_train_00000002.jpg" in caplog.text and "2 train samples were left out" in caplog.text
    assert ADE20K(ade, "train", ["ADE_train_00000001"]).images[0].stem == "ADE_train_00000002"


def test_without_one_usable_image_there_is_no_split(ade: Path) -> None:
    for path in (ade / "ADEChallengeData2016" / "annotations" / "validation").iterdir():
        save(path, np.zeros((HEIGHT, WIDTH), np.uint8))
    with pytest.raises(MimicError, match="no test sample can be used; the first: no pixel of this image") as caught:
        usable(ADE20K, ade, "test")
    assert "ADE_val_00000001" in caught.value.where and str(ade) in caught.value.remedy


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full((HEIGHT, WIDTH), 151, np.uint8), "class 151, and there are 150"),
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), "must be 8 bits of grey"),
        (np.zeros((HEIGHT, WIDTH), np.uint16), "must be 8 bits of grey"),
        (np.zeros((HEIGHT, WIDTH - 1), np.uint8), r"the image is \(40, 60\) and its annotation \(40, 59\)"),
    ],
)
def test_annotations_of_another_kind_are_refused(ade: Path, labels: np.ndarray, message: str) -> None:
    save(ade / "ADEChallengeData2016" / "annotations" / "training" / "ADE_train_00000003.png", labels)
    split = ADE20K(ade, "train")
    assert len(split.load([0, 1], 8)) == 2
    with pytest.raises(MimicError, match=message) as caught:
        split.load([2], 8)
    assert "ADE_train_00000003" in caught.value.where and "ADEChallengeData2016" in caught.value.remedy
    found, skipped = usable(ADE20K, ade)
    assert len(found) == 2 and skipped == [(caught.value.where.rpartition("/")[2], caught.value.what)]


@pytest.mark.parametrize("content", [b"", b"no picture", None])
@pytest.mark.parametrize(
    "name", ["images/training/ADE_train_00000001.jpg", "annotations/training/ADE_train_00000001.png"]
)
def test_damaged_ade20k_files_are_named(ade: Path, name: str, content: bytes) -> None:
    path = ade / "ADEChallengeData2016" / name
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)  # None: cut off
    with pytest.raises(MimicError, match="cannot be read") as caught:
        ADE20K(ade, "train").load([0], 8)
    assert caught.value.where.endswith(name) and caught.value.remedy
    found, skipped = usable(ADE20K, ade)
    assert len(found) == 2 and skipped == [(path.name, caught.value.what)]


# ---------------------------------------------------------------------- COCO


def annotation(number: int, image: int, **changes: object) -> dict:
    joints = [0, 0, 0] * 15 + [20, 10, 2] + [24, 30, 1]
    entry = {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [10, 5, 20, 30], "area": 400.0}
    return {**entry, "keypoints": joints, "num_keypoints": 2, **changes}


DOCUMENT = {
    "images": [
        {"id": number, "file_name": f"{number:012d}.jpg", "width": WIDTH, "height": HEIGHT} for number in (7, 9)
    ],
    "categories": [{"id": 1, "name": "person", "keypoints": [f"joint {number}" for number in range(17)]}],
    "annotations": [
        annotation(31, 9),
        annotation(12, 7),
        annotation(13, 7, iscrowd=1, keypoints=[0] * 51),
        annotation(14, 7, keypoints=[0] * 51),
    ],
}


@pytest.fixture
def write_document(tmp_path: Path) -> Callable[..., Path]:
    root = tmp_path / "coco"
    for image in DOCUMENT["images"]:
        save(root / "train2017" / image["file_name"], gradient())

    def write(document: object = DOCUMENT) -> Path:
        path = root / "annotations" / "person_keypoints_train2017.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return root

    return write


def changed(**changes: object) -> dict:
    """The document with a change to the annotation of image 9."""
    document = copy.deepcopy(DOCUMENT)
    document["annotations"][0] |= changes
    return document


def test_coco_gives_a_sample_a_person_with_joints(write_document: Callable) -> None:
    split = CocoKeypoints(write_document(), "train")
    poses = load_all(split, 75)
    assert len(split) == 2 and split.label == "COCO" and split.skipped == []
    assert poses.annotation_ids.tolist() == [12, 31] and poses.image_ids.tolist() == [7, 9]
    assert poses.keypoints.shape == (2, 17, 3) and poses.areas.tolist() == [400, 400]
    assert poses.windows[0].tolist() == [1.25, 1.25, 37.5], "1.25 times the longer side around the box's middle"
    assert poses.keypoints[0, 15:, 2].tolist() == [2, 1] and not poses.keypoints[0, :15].any()
    back = poses.windows[0, :2] + (poses.keypoints[0, 15:, :2] + 0.5) * 37.5 / 75 - 0.5
    np.testing.assert_allclose(back, [[20, 10], [24, 30]], atol=1e-4)


@pytest.mark.parametrize("size", [75, 15])
def test_joints_lie_on_the_same_spot_of_the_cut_out(write_document: Callable, size: int) -> None:
    poses = load_all(CocoKeypoints(write_document(), "train"), size)
    for x, y, _ in poses.keypoints[0, 15:]:
        seen = cv2.getRectSubPix(poses.images[0].astype(np.float32), (1, 1), (float(x), float(y)))[0, 0] / 4
        true = [20, 10] if y < size / 2 else [24, 30]
        np.testing.assert_allclose(seen[:2], true, atol=0.8)


def test_a_cut_out_beyond_the_image_is_black(write_document: Callable) -> None:
    poses = CocoKeypoints(write_document(changed(bbox=[50, 30, 40, 40])), "train").load([1], 50)
    assert not poses.images[0, :, 40:].any() and poses.images[0, 10, 0].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [10, 5, 0, 30]}, "the box has no area"),
        ({"keypoints": [1, 2, 2] * 16}, "48 keypoint values, not 51"),
        ({"keypoints": [1, 2, 7] * 17}, "visibility 0, 1 or 2"),
        ({"keypoints": ["a"] * 51}, "could not convert"),
        ({"keypoints": None}, "it is invalid"),
        ({"bbox": [1, 2, 3]}, "not four numbers"),
        ({"bbox": [1, 2, 3, float("nan")]}, "not four numbers"),
        ({"category_id": None}, "it is invalid"),
        ({"image_id": 8}, "there is no image 8"),
        ({"num_keypoints": 0}, "num_keypoints is 0"),
        ({"keypoints": [0, 0, 0] * 16 + [62, 10, 2]}, "a labelled joint lies outside the image"),
        ({"keypoints": [0, 0, 0] * 16 + [20, -5, 2]}, "a labelled joint lies outside the image"),
        ({"bbox": [70, 5, 20, 30]}, "the box lies outside the image"),
    ],
)
def test_a_bad_annotation_is_left_out_by_its_number(write_document: Callable, changes: dict, message: str) -> None:
    root = write_document(changed(**changes))
    split, skipped = usable(CocoKeypoints, root)
    assert [person.number for person in split.annotations] == [12]
    assert len(skipped) == 1 and skipped[0][0].endswith("json, annotation 31") and message in skipped[0][1]
    document = usable_document(split.path, split.left_out, split.bad_images)
    kept = {entry["id"]: entry for entry in document["annotations"]}
    assert 31 not in kept or not any(kept[31]["keypoints"]), "others see no joints of it either"
    assert {name: kept[name] for name in (12, 13, 14)} == {e["id"]: e for e in DOCUMENT["annotations"][1:]}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"id": 9}, "no 'file_name'"),
        ({"id": 9, "file_name": "../../etc/passwd", "width": 60, "height": 40}, "not a plain file name"),
        ({"id": 9, "file_name": "9.jpg", "width": 0, "height": 40}, "is not positive"),
        ({"id": 9, "file_name": "9.jpg", "width": "wide", "height": 40}, "this image is invalid"),
        ("000000000009.jpg", "this image is invalid"),
    ],
)
def test_a_bad_image_of_the_file_is_left_out_with_its_people(
    write_document: Callable, entry: object, message: str
) -> None:
    root = write_document({**DOCUMENT, "images": [DOCUMENT["images"][0], entry]})
    split, skipped = usable(CocoKeypoints, root)
    assert [person.number for person in split.annotations] == [12]
    assert "image at place 1" in skipped[0][0] and message in skipped[0][1]
    assert "there is no image 9" in skipped[1][1]


def test_an_annotation_number_given_twice_counts_once(write_document: Callable) -> None:
    document = {**DOCUMENT, "annotations": [*DOCUMENT["annotations"], annotation(12, 9)]}
    split, skipped = usable(CocoKeypoints, write_document(document))
    assert [person.number for person in split.annotations] == [12, 31]
    assert skipped == [("person_keypoints_train2017.json, annotation 12", "an earlier annotation has the same id")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no picture", "cannot be read"),
        (None, "missing"),
        (gradient()[:, :50], r"the image is \(40, 50\) and \(40, 60\)"),
    ],
)
def test_an_image_that_cannot_be_used_is_left_out_with_its_people(
    write_document: Callable, content: object, message: str
) -> None:
    root = write_document()
    path = root / "train2017" / "000000000009.jpg"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        save(path, np.asarray(content))
    split, skipped = usable(CocoKeypoints, root)
    assert [person.number for person in split.annotations] == [12] and split.bad_images == {9}
    assert len(skipped) == 1 and skipped[0][0] == f"{path.name}, annotation 31" and re.search(message, skipped[0][1])
    document = usable_document(split.path, split.left_out, split.bad_images)
    assert [entry["id"] for entry in document["images"]] == [7]
    assert {entry["image_id"] for entry in document["annotations"]} == {7}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{not json", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ([1, 2], "this is not a COCO file"),
        ({"images": []}, "this is not a COCO file"),
        ({**DOCUMENT, "annotations": {}}, "this is not a COCO file"),
        ({**DOCUMENT, "categories": [{"id": 1, "name": "dog"}]}, "no category here has 17 keypoints"),
        ({**DOCUMENT, "annotations": []}, "no person in this file has joints"),
        ({**DOCUMENT, "images": []}, "no person in this file has joints; the first of 4 left out: there is no image 9"),
        (
            {**DOCUMENT, "annotations": ["somebody"]},
            "no person in this file has joints; the first of 1 left out: it is invalid",
        ),
    ],
)
def test_annotations_that_are_not_coco_s_are_refused(write_document: Callable, document: object, message: str) -> None:
    root = write_document(document)
    with pytest.raises(MimicError, match=message) as caught:
        CocoKeypoints(root, "train")
    assert "person_keypoints_train2017.json" in caught.value.where and caught.value.remedy


def test_missing_coco_files_are_named(write_document: Callable) -> None:
    root = write_document()
    with pytest.raises(MimicError, match="missing") as caught:
        CocoKeypoints(root, "test")
    assert caught.value.where.endswith("val2017")
    (root / "train2017" / "000000000009.jpg").write_bytes(b"no picture")
    split = CocoKeypoints(root, "train")
    with pytest.raises(MimicError, match="cannot be read"):
        split.load([1], 16)
    (root / "train2017" / "000000000009.jpg").unlink()
    with pytest.raises(MimicError, match="missing"):
        split.load([1], 16)
    assert len(split.load([0], 16)) == 1
    (root / "annotations" / "person_keypoints_train2017.json").unlink()
    with pytest.raises(MimicError, match="missing") as caught:
        CocoKeypoints(root, "train")
    assert caught.value.where.endswith("person_keypoints_train2017.json") and "annotations" in caught.value.remedy


# ---------------------------------------------------------------------- ImageNet


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    root = tmp_path / "imagenet"
    for wnid, count in (("n90000002", 1), ("n90000001", 2), ("n90000010", 1)):
        for number in range(count):
            save(root / "train" / wnid / f"{wnid}_{number}.jpeg", gradient())
    for folder in (root / "train").iterdir():
        for path in folder.iterdir():
            path.rename(path.with_suffix(".JPEG"))
    save(root / "val" / "n90000010" / "ILSVRC2012_val_00000001.jpg", gradient())
    (root / "train" / "notes").mkdir()
    return root


def test_classes_are_numbered_by_sorted_wnid(imagenet: Path) -> None:
    split = ImageNet(imagenet, "train")
    assert split.wnids == ["n90000001", "n90000002", "n90000010"] and split.label == "ImageNet"
    assert split.labels.tolist() == [0, 0, 1, 2] and split.labels.dtype == np.int64
    validation = ImageNet(imagenet, "test")
    assert load_all(validation, 16).labels.tolist() == [2], "numbered as the training set has it"
    assert validation.image(0).shape == (HEIGHT, WIDTH, 3)


def test_the_middle_is_cut_out(imagenet: Path) -> None:
    images = ImageNet(imagenet, "train").load([2, 0], 35)
    assert images.labels.tolist() == [1, 0]
    red, green = images.images[0, 17, :, 0].astype(int), images.images[0, :, 17, 1].astype(int)
    assert np.abs(red - 4 * (12 + np.arange(35))).max() < 6 and np.abs(green - 4 * (2 + np.arange(35))).max() < 6


@pytest.mark.parametrize(("height", "width"), [(300, 500), (500, 301), (90, 61), (256, 256)])
def test_the_middle_is_what_the_released_mae_tests(imagenet: Path, height: int, width: int) -> None:
    from torchvision import transforms

    split = ImageNet(imagenet, "train")
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(split.images[0]) + ".png", picture[..., ::-1])
    split.images[0] = split.images[0].with_name(split.images[0].name + ".png")
    usual = transforms.Compose(
        [transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)]
    )
    np.testing.assert_array_equal(split.load([0], 224).images[0], np.asarray(usual(Image.fromarray(picture))))


def test_imagenet_folders_are_checked(imagenet: Path, tmp_path: Path) -> None:
    with pytest.raises(MimicError, match="missing") as caught:
        ImageNet(tmp_path / "nowhere", "train")
    assert caught.value.where.endswith("nowhere/train") and "train/<wnid>/" in caught.value.remedy
    (imagenet / "val" / "n99999999").mkdir()
    with pytest.raises(MimicError, match="1 classes have no training images: n99999999"):
        ImageNet(imagenet, "test")
    (imagenet / "val" / "n99999999").rmdir()
    (imagenet / "val" / "n90000001").mkdir()
    with pytest.raises(MimicError, match="no image of this class") as caught:
        ImageNet(imagenet, "test")
    assert caught.value.where.endswith("val/n90000001") and caught.value.remedy


def test_a_validation_set_that_was_not_sorted_is_refused(imagenet: Path) -> None:
    (imagenet / "val" / "n90000010" / "ILSVRC2012_val_00000001.jpg").rename(imagenet / "val" / "one.JPEG")
    (imagenet / "val" / "n90000010").rmdir()
    with pytest.raises(MimicError, match="no class folders") as caught:
        ImageNet(imagenet, "test")
    assert "one folder per class" in caught.value.remedy


def test_a_damaged_image_is_named_and_the_rest_can_be_read(imagenet: Path) -> None:
    (imagenet / "train" / "n90000001" / "n90000001_1.JPEG").write_bytes(b"no picture")
    split = ImageNet(imagenet, "train")
    assert len(split.load([0, 2, 3], 8)) == 3
    with pytest.raises(MimicError, match="cannot be read") as caught:
        split.load([1], 8)
    assert caught.value.where.endswith("n90000001_1.JPEG")
    found, skipped = usable(ImageNet, imagenet)
    assert found.labels.tolist() == [0, 1, 2] and [path.stem for path in found.images][1] == "n90000002_0"
    assert skipped == [("n90000001_1.JPEG", "this image cannot be read")]


def test_the_sample_world_is_named(ade: Path, imagenet: Path, write_document: Callable) -> None:
    for root, reader in ((ade, ADE20K), (imagenet, ImageNet), (write_document(), CocoKeypoints)):
        (root / "SAMPLE_WORLD.json").write_text("{}")
        split = reader(root, "train")
        assert split.label == "sample world" and root / "SAMPLE_WORLD.json" in split.files
