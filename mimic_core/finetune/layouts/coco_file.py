"""Reader of COCO's annotation file of person keypoints; invalid entries are skipped and reported."""

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
from mimic_core.finetune.layouts.json_file import NUMBERS, integer, read_json_numbers, shortened
from mimic_core.foreign import SIDE
from mimic_core.kit.errors import MimicError, printable

JOINTS = 17
MARGIN = 1.25  # side of the crop over the longer side of the person's box
REMEDY = "put COCO's train2017/, val2017/ and annotations/person_keypoints_*2017.json there"
DAMAGED = "fetch the annotation file again"
PERSON, PERSON_NUMBER = "person", 1  # name and id of the category in COCO
FIELDS = frozenset(
    ["id", "image_id", "category_id", "keypoints", "num_keypoints", "bbox", "area", "iscrowd", "segmentation"]
)

Images = dict[int, dict[str, Any]]  # by id
People = list[tuple[dict[str, Any], "Annotation"]]  # entries of the file, and what was read from them


@dataclass(frozen=True)
class Annotation:
    """One person in an image: box (x, y, width, height), joints (17, 3) and area, in pixels of the image."""

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
        """Location of this annotation, for messages."""
        return f"{path}, annotation {self.number}"

    def window(self) -> tuple[float, float, float]:
        """Return left, top and side of the square around the person."""
        x, y, width, height = self.box
        side = MARGIN * max(width, height)
        return x + width / 2 - side / 2, y + height / 2 - side / 2, side


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON file with the lists of COCO's person keypoints.

    Raises:
        MimicError: the file is missing, unreadable, or has no such lists.
    """
    document = read_json_numbers(path, "this is not JSON", DAMAGED)
    keys = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(key), list) for key in keys):
        what = f"this is not a COCO file, which has the lists {', '.join(keys)}"
        raise MimicError(what, where=path, remedy=REMEDY)
    return document


def read_categories(document: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], dict[int, str]]:
    """Return the person category, and the names of the others by id.

    It is the category with 17 keypoints and the name ``person``, or the only one with 17 keypoints if it has no name.

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
        what = f"no category of {JOINTS} keypoints here is named {PERSON!r}, only: {names:.200}"
        raise MimicError(what, where=path, remedy="use annotations of people")
    person = people[0]
    return person, {
        number: printable(str(entry.get("name")))[:40] for number, entry in known.items() if entry is not person
    }


def read_images(document: Mapping[str, Any], path: Path) -> tuple[Images, list[Skipped]]:
    """Read the images of a file, and the invalid ones; a file name that leads out of the folder is invalid."""
    images: Images = {}
    skipped = []
    for place, entry in enumerate(document["images"]):
        try:
            number, name = integer(entry["id"], "id"), entry["file_name"]
            width, height = integer(entry["width"], "width"), integer(entry["height"], "height")
            if not isinstance(name, str):
                raise TypeError(f"its name is {shortened(name)}")
            plain = Path(name).name == name and name not in ("", "..")
            what = "" if plain else f"image {number} is named {printable(name)!r:.200}, not a plain file name"
            if width <= 0 or height <= 0:
                what = f"the size of image {number} is not positive"
            elif number in images:
                what = f"an earlier image has the same id, {number}"
        except KeyError as error:
            what = f"this image has no {error}"
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            what = printable(f"this image is invalid ({type(error).__name__}: {error})")
        if what:
            skipped.append(Skipped(f"{path}, image at place {place}", what))
        else:
            exact = all(type(entry[key]) is int for key in ("id", "width", "height"))
            images[number] = entry if exact else {**entry, "id": number, "width": width, "height": height}
    return images, skipped


def read_people(document: Mapping[str, Any], images: Images, path: Path) -> tuple[People, list[Skipped]]:
    """Read the annotations of people in a file, including crowds and people without joints.

    Also return the skipped ones: each invalid annotation, and one entry for each other category.

    Raises:
        MimicError: the file has no person category.
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
                raise ValueError("an earlier annotation has the same id")
        except ValueError as error:
            name = entry.get("id") if isinstance(entry, dict) else entry
            skipped.append(Skipped(printable(f"{path}, annotation {shortened(name)}"), printable(str(error))))
            continue
        numbers.add(person.number)
        people.append((entry, person))
    for category, count in sorted(others.items()):
        what = f"{count} annotations are not of the category {PERSON}"
        skipped.append(Skipped(f"{path}, category {category} ({names[category]})", what))
    return people, skipped


def read_person(entry: dict[str, Any]) -> Annotation:
    """Read one annotation.

    Raises:
        ValueError: it is invalid.
    """
    try:
        values, box = entry["keypoints"], tuple(float(value) for value in entry["bbox"])
        if len(values) != 3 * JOINTS:
            raise ValueError(f"it has {len(values)} keypoint values, not {3 * JOINTS}")
        joints = np.array([float(value) for value in values], np.float64).reshape(JOINTS, 3)
        number, image, _ = (integer(entry[key], key) for key in ("id", "image_id", "category_id"))
        area = float(entry["area"]) if type(entry.get("area")) in NUMBERS else math.nan
        crowd, stated = entry.get("iscrowd", 0), int(entry.get("num_keypoints", JOINTS))
        if not set(map(type, values)) | set(map(type, entry["bbox"])) <= NUMBERS:
            raise TypeError("a coordinate is not a number")
        if crowd not in (0, 1):
            raise TypeError(f"iscrowd is {shortened(crowd)}")
    except KeyError as error:
        raise ValueError(f"it has no {error}") from error
    except (AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"it is invalid ({type(error).__name__}: {error})") from error
    if not (np.abs(joints) <= SIDE).all() or not np.isin(joints[:, 2], (0, 1, 2)).all():  # false for NaN too
        raise ValueError("a keypoint is not x, y and visibility 0, 1 or 2")
    if len(box) != 4 or not all(abs(value) <= SIDE for value in box):
        raise ValueError("the box is not four numbers in pixels")
    if stated == 0 and not crowd and (joints[:, 2] > 0).any():
        raise ValueError("num_keypoints is 0, but joints are labelled")
    area = area if 0 < area <= SIDE * SIDE else box[2] * box[3]
    place = (box[0], box[1], box[2], box[3])
    return Annotation(number, image, place, joints.astype(np.float32), area, bool(crowd))


def normalised_entry(entry: dict[str, Any], person: Annotation) -> dict[str, Any]:
    """Normalise an annotation for other COCO tools; return the entry itself if nothing changes."""
    exact = all(type(entry[key]) is int for key in ("id", "image_id", "category_id"))
    same = exact and entry["category_id"] == PERSON_NUMBER and entry.get("area") == person.area
    flat = is_segmentation(entry.get("segmentation"))
    if same and flat and entry.keys() <= FIELDS:
        return entry
    kept = {key: value for key, value in entry.items() if key in FIELDS and (flat or key != "segmentation")}
    numbers = {"id": person.number, "image_id": person.image, "category_id": PERSON_NUMBER}
    return {**kept, **numbers, "area": person.area, "iscrowd": int(person.crowd)}


def is_segmentation(segmentation: object) -> bool:
    """Whether a segmentation is valid: polygons, run lengths of a crowd, or None."""
    if isinstance(segmentation, dict):
        return all(isinstance(part, str) or is_segmentation([part]) for part in segmentation.values())
    if isinstance(segmentation, list):
        return all(isinstance(part, list) and set(map(type, part)) <= NUMBERS for part in segmentation)
    return segmentation is None


def usable_document(path: Path, skip: Collection[int], skip_images: Collection[int]) -> dict[str, Any] | None:
    """Clean the annotation file for other COCO tools; return None if nothing changes.

    Invalid entries, images in ``skip_images`` and other categories are removed, and the person category gets the id 1.
    People in ``skip`` lose their joints, since COCO's evaluation ignores people without joints.
    """
    document = read_document(path)
    images, bad_images = read_images(document, path)
    people, bad_people = read_people(document, images, path)
    person_category, _ = read_categories(document, path)
    category = {**person_category, "id": PERSON_NUMBER}
    plain = [normalised_entry(entry, person) for entry, person in people]
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
