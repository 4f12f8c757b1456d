"""COCO's annotation file of person keypoints: each entry checked, and those that are not COCO's named."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_core.errors import MimicError, printable
from mimic_core.finetune.data import Skipped

JOINTS = 17
MARGIN = 1.25  # side of the cut-out over the longer side of the person's box
REMEDY = "put COCO's train2017/, val2017/ and annotations/person_keypoints_*2017.json there"
DAMAGED = "fetch the annotation file again"

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
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise MimicError(f"this is not JSON ({error})", where=path, remedy=DAMAGED) from error
    keys = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(key), list) for key in keys):
        what = f"this JSON is not COCO's: the lists {', '.join(keys)} are needed"
        raise MimicError(what, where=path, remedy=REMEDY)
    named = [entry.get("keypoints") for entry in document["categories"] if isinstance(entry, dict)]
    if not any(isinstance(names, list) and len(names) == JOINTS for names in named):
        what = f"no category here has {JOINTS} keypoints"
        raise MimicError(what, where=path, remedy="use person_keypoints_*.json, not instances_*.json")
    return document


def read_images(document: Mapping[str, Any], path: Path) -> tuple[Images, list[Skipped]]:
    """The images of a file, and those that are not COCO's; a name that leads out of the folder is none."""
    images: Images = {}
    skipped = []
    for place, entry in enumerate(document["images"]):
        try:
            number, name = int(entry["id"]), str(entry["file_name"])
            plain = Path(name).name == name and name not in ("", "..")
            what = "" if plain else f"image {number} is named {printable(name)!r}, not a plain file name"
            if not (int(entry["width"]) > 0 and int(entry["height"]) > 0):
                what = f"image {number} has no size"
        except KeyError as error:
            what = f"this image has no {error}"
        except (TypeError, ValueError, OverflowError) as error:
            what = f"this image is not COCO's ({type(error).__name__}: {error})"
        if what:
            skipped.append(Skipped(f"{path}, image at place {place}", what))
        else:
            images[number] = entry
    return images, skipped


def read_people(document: Mapping[str, Any], images: Images, path: Path) -> tuple[People, list[Skipped]]:
    """The annotations of a file, crowds and people without joints too, and those that are not COCO's."""
    people: People = []
    skipped, numbers = [], set()
    for entry in document["annotations"]:
        try:
            person = read_person(entry)
            if person.image not in images:
                raise ValueError(f"there is no image {person.image} in this file")
            if person.number in numbers:
                raise ValueError("an annotation before it has the same number")
        except ValueError as error:
            name = entry.get("id") if isinstance(entry, dict) else entry
            skipped.append(Skipped(printable(f"{path}, annotation {name!r:.40}"), printable(str(error))))
            continue
        numbers.add(person.number)
        people.append((entry, person))
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
        joints = np.array([float(value) for value in values], np.float32).reshape(JOINTS, 3)
        number, image, _ = (int(entry[key]) for key in ("id", "image_id", "category_id"))
        area = float(entry["area"]) if "area" in entry else math.nan
        crowd, stated = bool(entry.get("iscrowd", 0)), int(entry.get("num_keypoints", JOINTS))
    except KeyError as error:
        raise ValueError(f"it has no {error}") from error
    except (AttributeError, TypeError, OverflowError) as error:
        raise ValueError(f"it is not COCO's ({type(error).__name__}: {error})") from error
    if not np.isfinite(joints).all() or not np.isin(joints[:, 2], (0, 1, 2)).all():
        raise ValueError("a keypoint is no x, y and visibility 0, 1 or 2")
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise ValueError("the box is not four numbers")
    if stated == 0 and not crowd and (joints[:, 2] > 0).any():
        raise ValueError("num_keypoints is 0, and joints are labelled")
    area = area if math.isfinite(area) else box[2] * box[3]
    return Annotation(number, image, (box[0], box[1], box[2], box[3]), joints, area, crowd)


def usable_document(path: Path, skip: Collection[int], skip_images: Collection[int]) -> dict[str, Any] | None:
    """The annotation file as others may read it: without what is not COCO's, and people of ``skip`` without joints.

    COCO's evaluation counts people without joints neither for nor against. Images of ``skip_images`` are not in it.
    None: the file is like that already.
    """
    document = read_document(path)
    images, bad_images = read_images(document, path)
    people, bad_people = read_people(document, images, path)
    if not (bad_images or bad_people or skip or skip_images):
        return None
    without_joints = {"keypoints": [0] * (3 * JOINTS), "num_keypoints": 0}
    entries = [
        {**entry, "area": person.area, "iscrowd": int(person.crowd)} | (without_joints if person.number in skip else {})
        for entry, person in people
        if person.image not in skip_images
    ]
    kept = [entry for number, entry in images.items() if number not in skip_images]
    return {**document, "images": kept, "annotations": entries}
