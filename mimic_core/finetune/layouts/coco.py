"""Reader of COCO's person keypoints: ``train2017/``, ``val2017/`` and ``annotations/person_keypoints_*.json``.

https://cocodataset.org/#format-data: 17 joints, about 150,000 people with joints for training and 6,000 for validation.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.errors import MimicError
from mimic_core.finetune.data import Poses, data_label, marked_files, read_rgb, require, require_folder

log = logging.getLogger("mimic")

PARTS = {"train": "train2017", "test": "val2017"}
JOINTS = 17
MARGIN = 1.25  # side of the cut-out over the longer side of the person's box
REMEDY = "put COCO's train2017/, val2017/ and annotations/person_keypoints_*2017.json there"
DAMAGED = "fetch the annotation file again"


@dataclass(frozen=True)
class Annotation:
    """One person of an image: box (x, y, width, height), joints (17, 3) and area, in pixels of the whole image."""

    number: int
    image: int
    box: tuple[float, float, float, float]
    joints: NDArray[np.float32]
    area: float

    def window(self) -> tuple[float, float, float]:
        """Left, top and side of the square around the person."""
        x, y, width, height = self.box
        side = MARGIN * max(width, height)
        return x + width / 2 - side / 2, y + height / 2 - side / 2, side


class CocoKeypoints:
    """One split of COCO's people with joints; satisfies :class:`mimic_core.finetune.data.Split`.

    A sample is a person with one labelled joint or more; crowds, and boxes without area, are left out.

    Args:
        root: folder of the images' folders and ``annotations/``.
        part: ``train`` or ``test`` (its validation set: the test set's labels are not public).

    Attributes:
        annotations: the people, in the order of their numbers.
        left_out: how many boxes without area were left out.

    Raises:
        MimicError: a file is missing, the annotations are not COCO's person keypoints, nobody has joints, or (as it is
            loaded) an image cannot be read.
    """

    def __init__(self, root: str | Path, part: str) -> None:
        root = Path(root)
        self.label = data_label(root, "COCO")
        self.folder = require_folder(root / PARTS[part], REMEDY)
        path = require(root / "annotations" / f"person_keypoints_{PARTS[part]}.json", REMEDY)
        document = read_document(path)
        self.names = image_names(document, path)
        people = read_people(document, self.names, path)
        self.annotations = [person for person in people if person.box[2] > 0 and person.box[3] > 0]
        self.left_out = len(people) - len(self.annotations)
        if self.left_out:
            log.warning("%s: %d boxes without area were left out", path, self.left_out)
        if not self.annotations:
            raise MimicError("nobody here has joints", where=path, remedy=REMEDY)
        self.files = marked_files(root, path)

    def __len__(self) -> int:
        return len(self.annotations)

    def load(self, rows: Sequence[int], size: int) -> Poses:
        """The square around each person, 1.25 times as large as the box, at ``size`` x ``size`` pixels."""
        chosen = [self.annotations[row] for row in rows]
        images = np.empty((len(rows), size, size, 3), np.uint8)
        keypoints = np.empty((len(rows), JOINTS, 3), np.float32)
        for place, person in enumerate(chosen):
            image = read_rgb(self.folder / self.names[person.image], REMEDY)
            images[place], keypoints[place] = cut_out(image, person, size)
        windows = np.array([person.window() for person in chosen], np.float32).reshape(-1, 3)
        areas = np.array([person.area for person in chosen], np.float32)
        ids = np.array([(person.image, person.number) for person in chosen], np.int64).reshape(-1, 2)
        return Poses(images, keypoints, windows, areas, ids[:, 0], ids[:, 1])


def cut_out(image: NDArray[np.uint8], person: Annotation, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The square around a person (size, size, 3), and the joints in its pixels; a joint without label is all 0."""
    left, top, side = person.window()
    scale = size / side
    shift = np.array([(0.5 - left) * scale - 0.5, (0.5 - top) * scale - 0.5])  # pixel centres are whole numbers
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    if scale < 1:  # warping takes single pixels: blur what it would leave out
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    picture = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    joints = person.joints.copy()
    joints[:, :2] = np.where(joints[:, 2:] > 0, joints[:, :2] * scale + shift, 0.0)
    return np.asarray(picture), joints


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


def image_names(document: dict[str, Any], path: Path) -> dict[int, str]:
    """File names by the images' numbers; a name that leads out of the folder is refused."""
    names: dict[int, str] = {}
    for entry in document["images"]:
        try:
            number, name = int(entry["id"]), str(entry["file_name"])
        except (KeyError, TypeError, ValueError) as error:
            raise MimicError(f"an image of this file has no {error}", where=path, remedy=DAMAGED) from error
        if Path(name).name != name or name in ("", ".."):
            raise MimicError(f"image {number} is named {name!r}, not a plain file name", where=path, remedy=DAMAGED)
        names[number] = name
    return names


def read_people(document: dict[str, Any], names: dict[int, str], path: Path) -> list[Annotation]:
    """Everyone with a labelled joint who is no crowd, by number."""
    people = []
    for entry in document["annotations"]:
        where = f"{path}, annotation {entry.get('id') if isinstance(entry, dict) else entry!r}"
        try:
            if entry.get("iscrowd", 0):
                continue
            person = read_person(entry, where)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            what = f"this annotation is not COCO's ({type(error).__name__}: {error})"
            raise MimicError(what, where=where, remedy=DAMAGED) from error
        if person.image not in names:
            raise MimicError(f"there is no image {person.image} in this file", where=where, remedy=DAMAGED)
        if (person.joints[:, 2] > 0).any():
            people.append(person)
    return sorted(people, key=lambda person: person.number)


def read_person(entry: dict[str, Any], where: str) -> Annotation:
    """One annotation; ``where`` says which for the errors."""
    values, box = entry["keypoints"], tuple(float(value) for value in entry["bbox"])
    if len(values) != 3 * JOINTS:
        what = f"this annotation has {len(values)} keypoint numbers, and {3 * JOINTS} are needed"
        raise MimicError(what, where=where, remedy=DAMAGED)
    joints = np.array([float(value) for value in values], np.float32).reshape(JOINTS, 3)
    if not np.isfinite(joints).all() or not np.isin(joints[:, 2], (0, 1, 2)).all():
        raise MimicError("a keypoint here is no x, y and visibility 0, 1 or 2", where=where, remedy=DAMAGED)
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise MimicError("the box here is not four numbers", where=where, remedy=DAMAGED)
    area = float(entry.get("area", box[2] * box[3]))
    return Annotation(int(entry["id"]), int(entry["image_id"]), (box[0], box[1], box[2], box[3]), joints, area)
