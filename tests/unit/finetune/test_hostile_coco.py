"""COCO's annotation file and a detector's boxes by others: each bad entry costs itself."""

import copy
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mimic_core.finetune.data import load_all, open_usable
from mimic_core.finetune.layouts import CocoKeypoints
from mimic_core.finetune.layouts.coco_boxes import read_boxes
from mimic_core.finetune.layouts.coco_file import usable_document
from mimic_core.kit.errors import MimicError

HEIGHT, WIDTH = 40, 60
SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "coco_sample"
PERSON = {"id": 1, "name": "person", "keypoints": [f"joint {number}" for number in range(17)]}


def person(number: int, image: int, **changes: object) -> dict:
    joints = [0, 0, 0] * 15 + [20, 10, 2] + [24, 30, 1]
    entry = {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [10, 5, 20, 30], "area": 400.0}
    return {**entry, "keypoints": joints, "num_keypoints": 2, **changes}


def image(number: int, **changes: object) -> dict:
    return {"id": number, "file_name": f"{number}.jpg", "width": WIDTH, "height": HEIGHT, **changes}


@pytest.fixture
def write(tmp_path):
    """Writes people 1 to 3 on images 1 to 3, and what the test adds; text as it is."""
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations").mkdir()
    for number in range(1, 4):
        cv2.imwrite(str(tmp_path / "val2017" / f"{number}.jpg"), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))

    def write_file(annotations=(), images=(), categories=(PERSON,), replace=("", "")) -> Path:
        document = {
            "images": [*(image(number) for number in range(1, 4)), *images],
            "annotations": [*(person(number, number) for number in range(1, 4)), *annotations],
            "categories": list(categories),
        }
        text = json.dumps(document).replace(*replace)
        (tmp_path / "annotations" / "person_keypoints_val2017.json").write_text(text)
        return tmp_path

    return write_file


def opened(root: Path) -> tuple[CocoKeypoints, list[str]]:
    """A split of usable people, what was left out, and a look at what others would read."""
    split = open_usable(CocoKeypoints, root, "test", 32, threads=2)
    load_all(split, 32)
    document = usable_document(split.path, split.left_out, split.bad_images)
    if document is not None:
        copy.deepcopy(document)
        json.dumps(document, allow_nan=False)
        assert {entry["category_id"] for entry in document["annotations"]} == {1}
        assert [entry["id"] for entry in document["categories"]] == [1]
        numbers = {entry["id"] for entry in document["images"]}
        assert all(type(number) is int for number in numbers)
        assert len(numbers) == len(document["images"])
        for entry in document["annotations"]:
            assert entry["image_id"] in numbers and 0 < entry["area"] < 1e12 and entry["iscrowd"] in (0, 1)
    return split, [skipped.what for skipped in split.skipped]


def test_a_good_file_is_others_as_it_is(write):
    crowd = person(9, 1, iscrowd=1, keypoints=[0] * 51, num_keypoints=0)
    crowd["segmentation"] = {"counts": [272, 2, 38, 4], "size": [HEIGHT, WIDTH]}
    packed = {**crowd, "id": 10, "segmentation": {"counts": "e0d0", "size": [HEIGHT, WIDTH]}}
    root = write([crowd, packed, person(11, 2, segmentation=[[1, 2.5, 3, 4, 5, 6]])])
    split, skipped = opened(root)
    assert [entry.number for entry in split.annotations] == [1, 2, 3, 11] and skipped == []
    assert usable_document(split.path, [], []) is None


BAD = {
    "box of 1e308": {"bbox": [1e308, 1e308, 1e308, 1e308]},
    "box of 1e308 wide": {"bbox": [0, 0, 1e308, 10]},
    "box not finite": {"bbox": [0, 0, float("inf"), 10]},
    "box not a number": {"bbox": [float("nan")] * 4},
    "box of nothing": {"bbox": None},
    "box of text": {"bbox": ["1", "2", "3", "4"]},
    "box as text": {"bbox": "1234"},
    "box of truth values": {"bbox": [True, True, True, True]},
    "box of lists": {"bbox": [[1], [2], [3], [4]]},
    "box of an object": {"bbox": {"x": 1}},
    "box behind itself": {"bbox": [20, 20, -10, -10]},
    "box of no area": {"bbox": [20, 20, 0, 0]},
    "box of a thousand images": {"bbox": [-5000, -5000, 60000, 60000]},
    "box of 400 digits": {"bbox": [10**399, 5, 20, 30]},
    "joints of 1e308": {"keypoints": [1e308, 1e308, 2] * 17},
    "joints not finite": {"keypoints": [float("nan"), 3, 2] * 17},
    "joints of text": {"keypoints": ["1", "2", "2"] * 17},
    "joints as text": {"keypoints": "1" * 51},
    "joints in rows": {"keypoints": [[1, 2, 2]] * 17},
    "joints of nothing": {"keypoints": [None] * 51},
    "joints of truth values": {"keypoints": [True] * 51},
    "joints of an object": {"keypoints": {str(number): 1 for number in range(51)}},
    "number as text": {"id": "9"},
    "number of a fraction": {"id": 9.5},
    "number of truth": {"id": True},
    "number of nothing": {"id": None},
    "number of a list": {"id": [9]},
    "number of 30 digits": {"id": 10**30},
    "number not finite": {"id": float("nan")},
    "image as text": {"image_id": "1"},
    "image of truth": {"image_id": True},
    "image of an object": {"image_id": {}},
    "image not there": {"image_id": 77},
    "category as text": {"category_id": "1"},
    "category of a list": {"category_id": [1]},
    "category not there": {"category_id": 3},
    "crowd as text": {"iscrowd": "0"},
    "crowd of nothing": {"iscrowd": None},
    "crowd of a list": {"iscrowd": []},
    "count as text": {"num_keypoints": "many"},
    "count not finite": {"num_keypoints": float("inf")},
    "number given twice": {"id": 2},
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_person_costs_itself(write, kind):
    split, skipped = opened(write([person(9, 1, **{"id": 9, **BAD[kind]})]))
    assert [entry.number for entry in split.annotations] == [1, 2, 3]
    assert len(skipped) == 1 and len(skipped[0]) < 400


@pytest.mark.parametrize("entry", [None, [], "x", 3, 1e308, {}, True, [[[]]]])
def test_what_is_no_object_costs_itself(write, entry):
    split, skipped = opened(write([entry], [entry]))
    assert len(split) == 3 and len(skipped) == 2


KEPT = {
    "numbers with a point": {"id": 9.0, "image_id": 1.0, "category_id": 1},
    "no area": {"area": None},
    "an area not finite": {"area": float("nan")},
    "an area of 1e308": {"area": 1e308},
    "a negative area": {"area": -5},
    "an area of text": {"area": "400"},
    "a crowd as truth": {"iscrowd": False},
    "an outline of nothing": {"segmentation": None},
    "an outline of text": {"segmentation": "abc"},
    "an outline of objects": {"segmentation": [{}]},
    "run lengths of objects": {"segmentation": {"counts": [{}], "size": None}},
    "fields nobody knows": {"attributes": {"a": [1, {"b": 2}]}},
    "fields of COCO's evaluation": {"ignore": 1, "_ignore": 1},
}


@pytest.mark.parametrize("kind", KEPT)
def test_what_can_be_mended_is_kept(write, kind):
    entry = person(9, 1, **{"id": 9, **KEPT[kind]})
    root = write([entry])
    split, skipped = opened(root)
    assert [found.number for found in split.annotations] == [1, 2, 3, 9] and skipped == []
    assert split.annotations[-1].area == (400 if "area" not in kind else 600)
    del entry["area"]
    assert opened(write([entry]))[0].annotations[-1].area == 600


@pytest.mark.parametrize("field", ["attributes", "segmentation"])
def test_nests_that_json_reads_and_copies_do_not_are_left_out(write, field):
    root = write([person(9, 1, **{field: "NEST"})], replace=('"NEST"', "[" * 900 + "]" * 900))
    split, skipped = opened(root)
    assert len(split) == 4 and skipped == []


def test_numbers_of_thousands_of_digits_cost_their_entry(write):
    root = write([person(9, 1, id="DIGITS"), person(10, 1, bbox=[1, 2, "DIGITS", 4])], replace=('"DIGITS"', "9" * 6000))
    split, skipped = opened(root)
    assert len(split) == 3 and len(skipped) == 2


def test_numbers_that_json_does_not_have_cost_their_entry(write):
    root = write([person(9, 1, area="N", bbox=["N", 1, 2, 3])], replace=('"N"', "Infinity"))
    assert len(opened(root)[1]) == 1


BAD_IMAGES = {
    "number as text": {"id": "9"},
    "number of truth": {"id": True},
    "number given twice": {"id": 2, "file_name": "3.jpg"},
    "name of a number": {"file_name": 3},
    "name of nothing": {"file_name": None},
    "name that is a path": {"file_name": "../val2017/1.jpg"},
    "name that ends in a line": {"file_name": "1.jpg\n"},
    "name of zero bytes": {"file_name": "1.jpg\0"},
    "name of half a letter": {"file_name": "\ud800.jpg"},
    "name of 5,000 letters": {"file_name": "a" * 5000 + ".jpg"},
    "width as text": {"width": "60"},
    "width of 1e308": {"width": 1e308},
    "width not finite": {"width": float("nan")},
    "height below 0": {"height": -40},
    "another size": {"height": 41, "file_name": "1.jpg"},
    "a pipe": {"file_name": "pipe.jpg"},
    "a device": {"file_name": "zero.jpg"},
    "a folder": {"file_name": "folder"},
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_a_bad_image_costs_its_people(write, kind):
    entry = image(9, **BAD_IMAGES[kind])
    root = write([person(9, entry["id"] if kind == "number of truth" else 9)], [entry])
    os.mkfifo(root / "val2017" / "pipe.jpg")
    (root / "val2017" / "zero.jpg").symlink_to("/dev/zero")
    (root / "val2017" / "folder").mkdir()
    split, skipped = opened(root)
    assert [found.number for found in split.annotations] == [1, 2, 3] and skipped
    assert not any("\n" in text or "\0" in text for found in split.skipped for text in found)
    assert split.names[2] == "2.jpg"


def test_people_of_one_image_are_looked_at_by_threads_at_once(write):
    root = write([person(number, 1) for number in range(10, 90)])
    for _ in range(5):
        split = open_usable(CocoKeypoints, root, "test", 32, threads=8)
        assert len(split) == 83 and split.skipped == [] and split.bad_images == set()


# ---------------------------------------------------------------------- categories

DOG = {"id": 2, "name": "dog", "keypoints": ["paw"] * 17}


def test_other_categories_of_17_joints_are_no_people(write):
    root = write(
        [person(9, 1, category_id=2), person(10, 2, category_id=2), {"category_id": 2}], categories=[DOG, PERSON]
    )
    split, skipped = opened(root)
    assert [found.number for found in split.annotations] == [1, 2, 3]
    assert skipped == ["3 annotations are not of the category person"]
    assert "category 2 (dog)" in split.skipped[0].where


@pytest.mark.parametrize("name", ["person", "Person", " PERSON "])
def test_people_are_found_by_their_category_s_name_whatever_its_number(write, name):
    categories = [{**DOG, "id": 1}, {**PERSON, "id": 5, "name": name}, {"id": 7, "name": "car"}]
    root = write([person(number, 1, category_id=5) for number in (20, 21)], categories=categories)
    split, skipped = opened(root)
    assert [found.number for found in split.annotations] == [20, 21] and split.category == 5
    assert skipped == ["3 annotations are not of the category person"]


@pytest.mark.parametrize("name", [{}, {"name": None}, {"name": ""}])
def test_the_only_category_of_17_joints_may_lack_its_name(write, name):
    nameless = {"id": 1, "keypoints": PERSON["keypoints"], **name}
    assert len(opened(write(categories=[nameless]))[0]) == 3
    with pytest.raises(MimicError, match="no category of 17 keypoints here is named 'person'"):
        opened(write(categories=[nameless, DOG]))


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([], "no category here has 17 keypoints"),
        ([None, [], "person", 3], "no category here has 17 keypoints"),
        ([{**PERSON, "id": "1"}], "no category here has 17 keypoints"),
        ([{**PERSON, "id": [1]}], "no category here has 17 keypoints"),
        ([{**PERSON, "keypoints": 17}], "no category here has 17 keypoints"),
        ([{**PERSON, "name": "dog\x1b[2J"}], r"named 'person', only: dog\\x1b"),
    ],
)
def test_files_without_a_category_of_people_are_refused(write, categories, message):
    with pytest.raises(MimicError, match=message) as caught:
        opened(write(categories=categories))
    assert "\x1b" not in str(caught.value)


DOCUMENTS = [b"", b"\0" * 200, b"[" * 100_000, b'{"a":' * 100_000, b"null", b"\xff\xfe{}", b"{}", b'{"images": 1e999}']


@pytest.mark.parametrize("content", DOCUMENTS)
def test_documents_of_rubbish_are_refused_by_name(write, content, tmp_path):
    root = write()
    (root / "annotations" / "person_keypoints_val2017.json").write_bytes(content)
    with pytest.raises(MimicError) as caught:
        CocoKeypoints(root, "test")
    assert "person_keypoints_val2017.json" in caught.value.where
    (tmp_path / "boxes.json").write_bytes(content)
    with pytest.raises(MimicError, match="boxes"):
        read_boxes(tmp_path / "boxes.json", {1}, 1)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to itself", "too large", "a byte order mark"])
def test_what_is_no_document(write, kind):
    root = write()
    path = root / "annotations" / "person_keypoints_val2017.json"
    content = path.read_bytes()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "too large":
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    else:
        path.write_bytes(b"\xef\xbb\xbf" + content)
        assert len(CocoKeypoints(root, "test")) == 3
        return
    with pytest.raises(MimicError) as caught:
        CocoKeypoints(root, "test")
    assert "person_keypoints_val2017.json" in caught.value.where


# ---------------------------------------------------------------------- a detector's boxes

BOX = {"image_id": 1, "category_id": 1, "bbox": [1.5, 2, 30, 20], "score": 0.5}
BAD_BOXES = [
    *({"bbox": box} for box in (None, [], [1, 2, 3], ["1", 2, 3, 4], "1234", [1e308] * 4, [float("nan")] * 4, {})),
    *({"bbox": box} for box in ([1, 2, 0, 4], [1, 2, 3, -4], [True] * 4, [10**399, 1, 2, 3])),
    *({"score": score} for score in (None, "1", float("nan"), float("inf"), [], True, 10**399)),
    *({"image_id": number} for number in (None, "1", [1], {}, 1.5, True, 10**30)),
    *({"category_id": number} for number in (None, "1", [1], {}, 1.5)),
]


@pytest.mark.parametrize("place", range(len(BAD_BOXES)))
def test_a_bad_box_costs_itself(tmp_path, place):
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([{**BOX, **BAD_BOXES[place]}, BOX, {**BOX, "category_id": 3}]))
    boxes, skipped = read_boxes(path, {1}, 1)
    assert boxes == [BOX] and len(skipped) == 1 and skipped[0].where == f"{path}, box at place 0"
    path.write_text(json.dumps([{**BOX, **BAD_BOXES[place]}]))
    with pytest.raises(MimicError, match="not a detector's boxes of people"):
        read_boxes(path, {1}, 1)


@pytest.mark.parametrize("entry", [None, 3, "x", [], [1, 2], {}])
def test_what_is_no_box_costs_itself(tmp_path, entry):
    (tmp_path / "boxes.json").write_text(json.dumps([entry, BOX]))
    boxes, skipped = read_boxes(tmp_path / "boxes.json", {1}, 1)
    assert boxes == [BOX] and len(skipped) == 1


def test_boxes_on_unknown_images_are_counted(tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([BOX, {**BOX, "image_id": 8}, {**BOX, "image_id": 8}, {**BOX, "image_id": 7.0}]))
    boxes, skipped = read_boxes(path, {1}, 1)
    assert boxes == [BOX]
    assert [found.what for found in skipped] == [
        "2 images of these boxes are not in the annotation file, such as 7; 3 boxes"
    ]
    path.write_text(json.dumps([{**BOX, "category_id": 5, "bbox": [1, 2, 3, 4, 0.9]}]))
    assert read_boxes(path, {1}, 5)[0] == [{**BOX, "bbox": [1, 2, 3, 4]}]


# ---------------------------------------------------------------------- files as COCO ships them


@pytest.fixture
def sample(tmp_path):
    if not SAMPLE.is_dir():
        pytest.skip("COCO's sample is not here")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").symlink_to(SAMPLE)
    (tmp_path / "annotations" / "person_keypoints_val2017.json").symlink_to(SAMPLE / "test_coco.json")
    return tmp_path


def test_a_sample_of_coco_is_read_as_it_is(sample):
    split = open_usable(CocoKeypoints, sample, "test", 32)
    document = json.loads((SAMPLE / "test_coco.json").read_text())
    labelled = [entry["id"] for entry in document["annotations"] if entry["num_keypoints"] and not entry["iscrowd"]]
    assert [found.number for found in split.annotations] == sorted(labelled) and split.skipped == []
    assert usable_document(split.path, [], []) is None
    boxes, skipped = read_boxes(SAMPLE / "test_coco_det_AP_H_56.json", split.names, split.category)
    assert boxes == json.loads((SAMPLE / "test_coco_det_AP_H_56.json").read_text()) and skipped == []


def test_every_damage_of_a_sample_of_coco_costs_what_it_touches(sample):
    whole = (SAMPLE / "test_coco.json").read_bytes()
    path, random = sample / "annotations" / "person_keypoints_val2017.json", np.random.default_rng(0)
    path.unlink()
    read = 0
    digits = [place for place, letter in enumerate(whole) if letter in b"0123456789"]
    for place in random.choice(digits, 120):
        path.write_bytes(whole[:place] + bytes([random.choice(list(b"0123456789.-e"))]) + whole[place + 1 :])
        try:
            split = open_usable(CocoKeypoints, sample, "test", 16)
            usable_document(split.path, split.left_out, split.bad_images)
            read += 1
        except MimicError as error:
            assert error.where
    assert read > 60
