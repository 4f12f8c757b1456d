"""The layouts of ADE20K, COCO and ImageNet: what is written, that it is right, and that the readers take it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mimic_core.finetune.data import load_all
from mimic_core.finetune.layouts import ADE20K, CocoKeypoints, ImageNet
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json
from mimic_core.sampledata import flat_names, write_ade20k, write_coco, write_imagenet
from mimic_core.sampledata.build.people import JOINTS
from mimic_core.sampledata.film.views import some_flats
from mimic_core.sampledata.layouts import coco, imagenet
from mimic_core.sampledata.layouts.ade20k import CLASSES, PIECES, class_of, labelled_views, object_info
from mimic_core.sampledata.layouts.coco import HFOV, SKELETON, keypoints
from mimic_core.sampledata.names import MARKER
from mimic_core.simulators import Rendering, camera_pose

WRITERS: dict[str, Callable] = {"ade20k": write_ade20k, "coco": write_coco, "imagenet": write_imagenet}
SEED_OF_THINGS = 7


@pytest.fixture(scope="module")
def settings(sample_settings: dict) -> dict[str, dict]:
    """What each layout is told; the seed is one where few flats hold all that ImageNet's pictures show."""
    return dict.fromkeys(WRITERS, sample_settings) | {"imagenet": sample_settings | {"seed": SEED_OF_THINGS}}


@pytest.fixture(scope="module")
def written(each_flat_once: object, settings: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("layouts")
    for name, write in WRITERS.items():
        write(root / name, settings[name])
    return {name: root / name for name in WRITERS}


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def view_at(depth: float) -> Rendering:
    return Rendering(
        rgb=np.zeros((100, 100, 3), np.uint8),
        depth=np.full((100, 100), depth, np.float32),
        normals=np.zeros((100, 100, 3), np.float32),
        instances=np.ones((100, 100), np.uint32),
    )


@pytest.mark.parametrize("name", list(WRITERS))
def test_same_settings_same_bytes(name: str, written: dict, settings: dict, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, settings[name])
    assert contents(tmp_path / name) == contents(written[name])
    assert {path.name for path in tmp_path.iterdir()} == {name}, "nothing half-written is left"


def test_markers_say_what_it_is_not(written: dict, settings: dict) -> None:
    for name, layout in (("ade20k", "ADE20K"), ("coco", "COCO keypoints"), ("imagenet", "ImageNet")):
        marker = read_json(written[name] / MARKER)
        assert f"not {layout}" in marker["what"] and marker["settings"] == settings[name]


# ---------------------------------------------------------------------- ADE20K


def test_class_numbers_are_those_of_the_benchmark() -> None:
    known = {
        "wall": 1,
        "floor": 4,
        "bed": 8,
        "person": 13,
        "chair": 20,
        "sofa": 24,
        "mirror": 28,
        "desk": 34,
        "sink": 48,
    }
    known |= {"painting": 23, "refrigerator": 51, "toilet": 66, "stove": 72, "television receiver": 90, "clock": 149}
    assert len(CLASSES) == len(set(CLASSES)) == 150
    assert {name: CLASSES.index(name) + 1 for name in known} == known
    assert set(PIECES.values()) <= set(CLASSES)
    nodes = {"living 0: north wall": 1, "bath 3: person 12": 13, "kitchen 1: fridge": 51, "hall 2: cup": 0, "node": 0}
    assert {node: class_of(node) for node in nodes} == nodes


def test_ade20k_is_laid_out_as_the_real_one(written: dict) -> None:
    root = written["ade20k"] / "ADEChallengeData2016"
    for part, prefix, count in (("training", "ADE_train", 3), ("validation", "ADE_val", 2)):
        names = [f"{prefix}_{number:08d}" for number in range(1, count + 1)]
        assert sorted(path.stem for path in (root / "images" / part).glob("*.jpg")) == names
        assert sorted(path.stem for path in (root / "annotations" / part).glob("*.png")) == names
        for name in names:
            labels = cv2.imread(str(root / "annotations" / part / f"{name}.png"), cv2.IMREAD_UNCHANGED)
            assert labels.shape == (256, 256) and labels.dtype == np.uint8 and labels.max() <= 150
            assert (labels > 0).mean() > 0.8 and len(np.unique(labels)) > 2
    assert [line.split(" ")[0] for line in (root / "sceneCategories.txt").read_text().splitlines()] == [
        *(f"ADE_train_{number:08d}" for number in (1, 2, 3)),
        *(f"ADE_val_{number:08d}" for number in (1, 2)),
    ]
    table = [line.split("\t") for line in (root / "objectInfo150.txt").read_text().splitlines()]
    assert table[0] == ["Idx", "Ratio", "Train", "Val", "Name"] and [row[4] for row in table[1:]] == list(CLASSES)
    assert sum(float(row[1]) for row in table[1:]) == pytest.approx(1, abs=0.01) and table[1][2:4] == ["3", "2"]


def test_labels_belong_to_their_picture(written: dict, sample_settings: dict) -> None:
    (name,) = flat_names(sample_settings)["test"]
    samples = load_all(ADE20K(written["ade20k"], "test"), 256)
    for index, (view, labels, scene) in enumerate(labelled_views(name, 2, sample_settings)):
        assert scene in ("living_room", "bedroom", "kitchen", "office", "dining_room", "bathroom", "corridor")
        np.testing.assert_array_equal(samples.labels[index], labels - np.uint8(1))
        assert np.abs(samples.images[index].astype(int) - view.rgb).mean() < 6
        floor = labels == CLASSES.index("floor") + 1
        assert (view.normals[floor][:, 1] > 0.7).all(), "floors face upwards"


def test_the_table_of_classes_counts() -> None:
    pixels, shown = np.zeros(151, int), {"train": np.arange(151), "test": np.zeros(151, int)}
    pixels[[0, 1, 150]] = 500, 30, 10
    rows = object_info(pixels, shown).splitlines()
    assert rows[1] == "1\t0.7500\t1\t0\twall" and rows[150] == "150\t0.2500\t150\t0\tflag"


# ---------------------------------------------------------------------- COCO


def test_joints_land_where_the_camera_sees_them() -> None:
    focal = 50 / np.tan(np.radians(HFOV) / 2)
    joints = np.tile([0.0, 1.5, -2.0], (17, 1))
    joints[1] = [0.5, 1.5, -2.0]
    joints[2] = [0.0, 1.5, 2.0]  # behind the camera
    joints[3] = [9.0, 1.5, -2.0]  # beside the picture
    points = keypoints(joints, view_at(2.0), camera_pose((0, 1.5, 0), 0.0))
    np.testing.assert_allclose(points[0], [49.5, 49.5, 2], atol=0.01)
    np.testing.assert_allclose(points[1], [49.5 + focal * 0.25, 49.5, 2], atol=0.01)
    assert not points[2].any() and not points[3].any()


def test_what_is_behind_something_is_hidden() -> None:
    joints = np.tile([0.0, 1.5, -2.0], (17, 1))
    pose = camera_pose((0, 1.5, 0), 0.0)
    assert (keypoints(joints, view_at(1.0), pose)[:, 2] == 1).all()
    visible = keypoints(joints, view_at(1.88), pose)[:, 2] == 2  # the trunk is thick, the face is not
    assert visible[[5, 6, 11, 12]].all() and not visible[:5].any()


def test_coco_is_laid_out_as_the_real_one(written: dict) -> None:
    first = 1
    for part, count in (("train2017", 3), ("val2017", 2)):
        document = json.loads((written["coco"] / "annotations" / f"person_keypoints_{part}.json").read_text())
        ids = list(range(first, first + count))
        assert [image["id"] for image in document["images"]] == ids
        assert [image["file_name"] for image in document["images"]] == [f"{number:012d}.jpg" for number in ids]
        assert sorted(path.name for path in (written["coco"] / part).iterdir()) == [f"{n:012d}.jpg" for n in ids]
        (category,) = document["categories"]
        assert category["name"] == "person" and tuple(category["keypoints"]) == JOINTS and category["id"] == 1
        assert len(category["skeleton"]) == len(SKELETON) == 19
        assert {entry["image_id"] for entry in document["annotations"]} == set(ids), "somebody is in every picture"
        assert len({entry["id"] for entry in document["annotations"]}) == len(document["annotations"])
        for entry in document["annotations"]:
            check_annotation(entry)
        first += count


def check_annotation(entry: dict) -> None:
    joints, (x, y, width, height) = np.array(entry["keypoints"]).reshape(17, 3), entry["bbox"]
    assert entry["num_keypoints"] == (joints[:, 2] > 0).sum() and entry["iscrowd"] == 0
    assert 30 <= entry["area"] <= width * height and min(x, y) >= 0 and max(x + width, y + height) <= 256
    seen = joints[joints[:, 2] == 2]
    assert (seen[:, 0] > x - 4).all() and (seen[:, 0] < x + width + 4).all(), "what is visible lies in the box"
    assert (seen[:, 1] > y - 4).all() and (seen[:, 1] < y + height + 4).all()
    assert all(len(polygon) >= 6 and len(polygon) % 2 == 0 for polygon in entry["segmentation"])


def test_visible_joints_lie_on_the_person(written: dict) -> None:
    document = json.loads((written["coco"] / "annotations" / "person_keypoints_train2017.json").read_text())
    on, total = 0, 0
    for entry in document["annotations"]:
        mask = np.zeros((256, 256), np.uint8)
        cv2.fillPoly(mask, [np.array(polygon).reshape(-1, 2) for polygon in entry["segmentation"]], (1,))
        joints = np.array(entry["keypoints"]).reshape(17, 3)
        seen = joints[joints[:, 2] == 2, :2].round().astype(int)
        on, total = on + int(mask[seen[:, 1], seen[:, 0]].sum()), total + len(seen)
    assert total > 15 and on > 0.9 * total


def test_a_flat_where_nobody_can_be_seen_is_named(
    written: dict, sample_settings: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = flat_names(sample_settings)["test"]
    monkeypatch.setattr(coco, "FEWEST_VISIBLE", 18)
    monkeypatch.setattr(coco, "TRIES", 3)
    with pytest.raises(MimicError, match="nobody can be seen") as caught:
        list(coco.people_views(name, 1, sample_settings))
    assert caught.value.where == name


def test_people_are_read_back(written: dict) -> None:
    split = CocoKeypoints(written["coco"], "test")
    poses = load_all(split, 64)
    assert split.label == "sample world" and len(split) >= 2 and poses.images.shape == (len(split), 64, 64, 3)
    assert set(poses.image_ids) == {4, 5}


# ---------------------------------------------------------------------- ImageNet


def test_imagenet_is_laid_out_as_the_real_one(written: dict) -> None:
    root, wnids = written["imagenet"], list(imagenet.CLASSES)
    assert sorted(path.name for path in (root / "train").iterdir()) == wnids
    assert sorted(path.name for path in (root / "val").iterdir()) == wnids
    training = sorted((root / "train").rglob("*.JPEG"))
    assert len(training) == 9 and all(path.name.startswith(f"{path.parent.name}_") for path in training)
    validation = sorted(path.stem for path in (root / "val").rglob("*.JPEG"))
    assert validation == [f"ILSVRC2012_val_{number:08d}" for number in range(1, 9)]
    mapping = (root / "LOC_synset_mapping.txt").read_text().splitlines()
    assert mapping == [f"{wnid} {name}" for wnid, name in imagenet.CLASSES.items()]
    split = ImageNet(root, "test")
    classes = load_all(split, 48)
    assert split.label == "sample world" and classes.labels.tolist() == list(range(8))
    assert classes.images.std(axis=(1, 2, 3)).min() > 8, "no picture is blank"


def test_too_few_flats_of_a_class_are_refused(written: dict, settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    names = flat_names(settings["imagenet"])["test"]
    monkeypatch.setattr(imagenet, "ROUNDS", 1)
    monkeypatch.setattr(imagenet, "TRIES", 1)
    wanted = dict.fromkeys(imagenet.CLASSES, 0) | {"n90000007": 50}
    with pytest.raises(MimicError, match=r"pictures are missing: \d+ of sofa") as caught:
        list(imagenet.pictures(names, wanted, settings["imagenet"], "train"))
    assert caught.value.where == "sample.flats.train"


def test_small_sets_take_few_flats() -> None:
    names = [f"flat{number:03d}" for number in range(24)]
    assert some_flats(names, 60) == names[:6] and some_flats(names, 1) == names[:1]
    assert some_flats(names, 10_000) == names and some_flats([], 5) == []
