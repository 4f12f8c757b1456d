"""COCO's annotation file of person keypoints: each entry checked, and those that are not COCO's named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import Skipped
from mimic_core.finetune.layouts.json_file import NUMBERS, read_json_numbers, short, whole
from mimic_core.foreign import SIDE
from mimic_core.kit.errors import MimicError, printable

JOINTS = 17
MARGIN = 1.25  # side of the cut-out over the longer side of the person's box
REMEDY = "put COCO's train2017/, val2017/ and annotations/person_keypoints_*2017.json there"
DAMAGED = "fetch the annotation file again"
PERSON, PERSON_NUMBER = "person", 1  # name and number of the category as COCO has them
FIELDS = frozenset(
    ["id", "image_id", "category_id", "keypoints", "num_keypoints", "bbox", "area", "iscrowd", "segmentation"]
)

Images = dict[int, dict[str, Any]]  # by their numbers
People = list[tuple[dict[str, Any], "Annotation"]]  # as they are in the file, and as they were read


@dataclass(frozen=True)
class Annotation:
    """One person of an image: box (x, y, width, height), joints (17, 3) and area, in pixels of the whole image."""

    number: int
    image: int
    box: tuple[float, float, float, float]
    joints: NDArray[np.float32]
    area: float
    crowd: bool = False

    @property
    def counts(self) -> bool:
        """Whether this is one person with a labelled joint."""
        return not self.crowd and bool((self.joints[:, 2] > 0).any())

    def where(self, path: Path) -> str:
        """Where in the annotation file this is."""
        return f"{path}, annotation {self.number}"

    def window(self) -> tuple[float, float, float]:
        """Left, top and side of the square around the person."""
        x, y, width, height = self.box
        side = MARGIN * max(width, height)
        return x + width / 2 - side / 2, y + height / 2 - side / 2, side


def read_document(path: Path) -> dict[str, Any]:
    """A JSON file with the lists that COCO's person keypoints have."""
    document = read_json_numbers(path, "this is not JSON", DAMAGED)
    keys = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(key), list) for key in keys):
        what = f"this JSON is not COCO's: the lists {', '.join(keys)} are needed"
        raise MimicError(what, where=path, remedy=REMEDY)
    return document


def read_categories(document: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], dict[int, str]]:
    """The category of people, and the names of the others by their numbers.

    It has 17 keypoints and the name ``person``. Where no category of 17 keypoints has a name, the only one is it.

    Raises:
        MimicError: there is none.
    """
    known = {
        entry["id"]: entry
        for entry in document["categories"]
        if isinstance(entry, dict) and type(entry.get("id")) is int
    }
    jointed = [
        entry
        for entry in known.values()
        if isinstance(entry.get("keypoints"), list) and len(entry["keypoints"]) == JOINTS
    ]
    if not jointed:
        what, remedy = f"no category here has {JOINTS} keypoints", "use person_keypoints_*.json, not instances_*.json"
        raise MimicError(what, where=path, remedy=remedy)
    people = [entry for entry in jointed if str(entry.get("name", "")).strip().lower() == PERSON]
    if not people and len(jointed) == 1 and not jointed[0].get("name"):
        people = jointed
    if not people:
        names = printable(", ".join(str(entry.get("name")) for entry in jointed))
        what = f"no category of {JOINTS} keypoints here is named {PERSON!r}; they are: {names:.200}"
        raise MimicError(what, where=path, remedy="use annotations of people")
    person = people[0]
    return person, {
        number: printable(str(entry.get("name")))[:40] for number, entry in known.items() if entry is not person
    }


def read_images(document: Mapping[str, Any], path: Path) -> tuple[Images, list[Skipped]]:
    """The images of a file, and those that are not COCO's; a name that leads out of the folder is none."""
    images: Images = {}
    skipped = []
    for place, entry in enumerate(document["images"]):
        try:
            number, name = whole(entry["id"], "id"), entry["file_name"]
            width, height = whole(entry["width"], "width"), whole(entry["height"], "height")
            if not isinstance(name, str):
                raise TypeError(f"its name is {short(name)}")
            plain = Path(name).name == name and name not in ("", "..")
            what = "" if plain else f"image {number} is named {printable(name)!r:.200}, not a plain file name"
            if width <= 0 or height <= 0:
                what = f"image {number} has no size"
            elif number in images:
                what = f"an image before it has the same number, {number}"
        except KeyError as error:
            what = f"this image has no {error}"
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            what = printable(f"this image is not COCO's ({type(error).__name__}: {error})")
        if what:
            skipped.append(Skipped(f"{path}, image at place {place}", what))
        else:
            exact = all(type(entry[key]) is int for key in ("id", "width", "height"))
            images[number] = entry if exact else {**entry, "id": number, "width": width, "height": height}
    return images, skipped


def read_people(document: Mapping[str, Any], images: Images, path: Path) -> tuple[People, list[Skipped]]:
    """The annotations of people of a file, crowds and people without joints too.

    Also those that are not COCO's, each, and those of other categories, by category.

    Raises:
        MimicError: the file has no category of people.
    """
    people: People = []
    skipped, numbers, others = [], set(), Counter[int]()
    person_category, names = read_categories(document, path)
    for entry in document["annotations"]:
        category = entry.get("category_id") if isinstance(entry, dict) else None
        if type(category) is int and category in names:
            others[category] += 1
            continue
        try:
            person = read_person(entry)
            if category != person_category["id"]:
                raise ValueError(f"there is no category {category} in this file")
            if person.image not in images:
                raise ValueError(f"there is no image {person.image} in this file")
            if person.number in numbers:
                raise ValueError("an annotation before it has the same number")
        except ValueError as error:
            name = entry.get("id") if isinstance(entry, dict) else entry
            skipped.append(Skipped(printable(f"{path}, annotation {short(name)}"), printable(str(error))))
            continue
        numbers.add(person.number)
        people.append((entry, person))
    for category, count in sorted(others.items()):
        what = f"{count} annotations are of another category than {PERSON}"
        skipped.append(Skipped(f"{path}, category {category} ({names[category]})", what))
    return people, skipped


def read_person(entry: dict[str, Any]) -> Annotation:
    """One annotation.

    Raises:
        ValueError: it is not COCO's.
    """
    try:
        values, box = entry["keypoints"], tuple(float(value) for value in entry["bbox"])
        if len(values) != 3 * JOINTS:
            raise ValueError(f"it has {len(values)} keypoint numbers, and {3 * JOINTS} are needed")
        joints = np.array([float(value) for value in values], np.float64).reshape(JOINTS, 3)
        number, image, _ = (whole(entry[key], key) for key in ("id", "image_id", "category_id"))
        area = float(entry["area"]) if type(entry.get("area")) in NUMBERS else math.nan
        crowd, stated = entry.get("iscrowd", 0), int(entry.get("num_keypoints", JOINTS))
        if not set(map(type, values)) | set(map(type, entry["bbox"])) <= NUMBERS:
            raise TypeError("a coordinate is no number")
        if crowd not in (0, 1):
            raise TypeError(f"iscrowd is {short(crowd)}")
    except KeyError as error:
        raise ValueError(f"it has no {error}") from error
    except (AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"it is not COCO's ({type(error).__name__}: {error})") from error
    if not (np.abs(joints) <= SIDE).all() or not np.isin(joints[:, 2], (0, 1, 2)).all():  # NaN is not within either
        raise ValueError("a keypoint is no x, y and visibility 0, 1 or 2")
    if len(box) != 4 or not all(abs(value) <= SIDE for value in box):
        raise ValueError("the box is not four numbers of pixels")
    if stated == 0 and not crowd and (joints[:, 2] > 0).any():
        raise ValueError("num_keypoints is 0, and joints are labelled")
    area = area if 0 < area <= SIDE * SIDE else box[2] * box[3]
    place = (box[0], box[1], box[2], box[3])
    return Annotation(number, image, place, joints.astype(np.float32), area, bool(crowd))


def plain_entry(entry: dict[str, Any], person: Annotation) -> dict[str, Any]:
    """An annotation as other readers of COCO expect it: the entry itself where it is like that already."""
    exact = all(type(entry[key]) is int for key in ("id", "image_id", "category_id"))
    same = exact and entry["category_id"] == PERSON_NUMBER and entry.get("area") == person.area
    flat = is_outline(entry.get("segmentation"))
    if same and flat and entry.keys() <= FIELDS:
        return entry
    kept = {key: value for key, value in entry.items() if key in FIELDS and (flat or key != "segmentation")}
    numbers = {"id": person.number, "image_id": person.image, "category_id": PERSON_NUMBER}
    return {**kept, **numbers, "area": person.area, "iscrowd": int(person.crowd)}


def is_outline(segmentation: object) -> bool:
    """Whether this is COCO's: polygons, run lengths of a crowd, or none."""
    if isinstance(segmentation, dict):
        return all(isinstance(part, str) or is_outline([part]) for part in segmentation.values())
    if isinstance(segmentation, list):
        return all(isinstance(part, list) and set(map(type, part)) <= NUMBERS for part in segmentation)
    return segmentation is None


def usable_document(path: Path, skip: Collection[int], skip_images: Collection[int]) -> dict[str, Any] | None:
    """The annotation file as others may read it: without what is not COCO's, and people of ``skip`` without joints.

    COCO's evaluation counts people without joints neither for nor against. Images of ``skip_images`` are not in it, nor
    are categories but that of people, whose number is 1. None: the file is like that already.
    """
    document = read_document(path)
    images, bad_images = read_images(document, path)
    people, bad_people = read_people(document, images, path)
    person_category, _ = read_categories(document, path)
    category = {**person_category, "id": PERSON_NUMBER}
    plain = [plain_entry(entry, person) for entry, person in people]
    same = all(kept is entry for kept, (entry, _) in zip(plain, people, strict=True))
    same = same and all(kept is entry for kept, entry in zip(images.values(), document["images"], strict=False))
    same = same and document["categories"] == [category]
    if same and not (bad_images or bad_people or skip or skip_images):
        return None
    without_joints = {"keypoints": [0] * (3 * JOINTS), "num_keypoints": 0}
    entries = [
        {**entry, "area": person.area, "iscrowd": int(person.crowd)} | (without_joints if person.number in skip else {})
        for entry, (_, person) in zip(plain, people, strict=True)
        if person.image not in skip_images
    ]
    kept = [entry for number, entry in images.items() if number not in skip_images]
    return {**document, "images": kept, "annotations": entries, "categories": [category]}
