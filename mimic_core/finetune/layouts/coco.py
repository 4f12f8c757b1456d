"""Reader of COCO's person keypoints: ``train2017/``, ``val2017/`` and ``annotations/person_keypoints_*.json``.

https://cocodataset.org/#format-data: 17 joints, about 150,000 people with joints for training and 6,000 for validation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import (
    Poses,
    Skipped,
    data_label,
    marked_files,
    read_rgb,
    require,
    require_folder,
    without,
)
from mimic_core.finetune.layouts.coco_file import (
    DAMAGED,
    JOINTS,
    REMEDY,
    Annotation,
    read_categories,
    read_document,
    read_images,
    read_people,
)
from mimic_core.kit.errors import MimicError

__all__ = ["DAMAGED", "JOINTS", "PARTS", "REMEDY", "Annotation", "CocoKeypoints"]

PARTS = {"train": "train2017", "test": "val2017"}
MAX_BOX_RATIO = 4  # longest side of a box, in longer sides of its image
JOINT_TOLERANCE = 1.0  # pixels that a joint may lie beyond the outermost pixel centres, since it is rounded


class CocoKeypoints:
    """One split of COCO's person keypoints; implements :class:`mimic_core.finetune.data.Split`.

    A sample is a person with at least one labelled joint; crowds are left out.

    Args:
        root: folder that holds the image folders and ``annotations/``.
        part: ``train`` or ``test`` (its validation set: the test set's labels are not public).
        skip: annotation ids of people to leave out.

    Attributes:
        annotations: the people, by annotation id.
        names: file names by image id.
        category: id of the person category.
        left_out: annotation ids of people whose box has no area, or who were removed by :meth:`leave_out`.
        bad_images: ids of images that failed :meth:`check_image`.
        skipped: invalid images and annotations of the file, and people whose box has no area.

    Raises:
        MimicError: a file is missing, the annotations are not COCO's person keypoints, nobody has joints, or (on
            loading) an image is unreadable.
    """

    def __init__(self, root: str | Path, part: str, skip: Collection[int] = ()) -> None:
        root = Path(root)
        self.label = data_label(root, "COCO")
        self.folder = require_folder(root / PARTS[part], REMEDY)
        self.path = require(root / "annotations" / f"person_keypoints_{PARTS[part]}.json", REMEDY)
        document = read_document(self.path)
        images, bad_images = read_images(document, self.path)
        people, bad_people = read_people(document, images, self.path)
        self.category = int(read_categories(document, self.path)[0]["id"])
        self.names = {number: str(entry["file_name"]) for number, entry in images.items()}
        self.sizes = {number: (int(entry["height"]), int(entry["width"])) for number, entry in images.items()}
        self.skipped: list[Skipped] = [*bad_images, *bad_people]
        posed = sorted((person for _, person in people if person.counts), key=lambda person: person.number)
        flat = [person for person in posed if person.box[2] <= 0 or person.box[3] <= 0]
        self.skipped += [Skipped(person.where(self.path), "the box has no area") for person in flat]
        skip = {*skip, *(person.number for person in flat)}
        self.annotations = [person for person in posed if person.number not in skip]
        self.left_out: list[int] = [person.number for person in flat]
        if not self.annotations:
            first = f"; the first of {len(self.skipped)} left out: {self.skipped[0].what}" if self.skipped else ""
            raise MimicError(f"no person in this file has joints{first}", where=self.path, remedy=REMEDY)
        self.files = marked_files(root, self.path)
        self.shapes: dict[int, tuple[int, int]] = {}
        self.bad_images: set[int] = set()

    def __len__(self) -> int:
        return len(self.annotations)

    def load(self, rows: Sequence[int], size: int) -> Poses:
        """Read the square around each person, 1.25 times the box, resized to ``size`` x ``size`` pixels."""
        chosen = [self.annotations[row] for row in rows]
        images = np.empty((len(rows), size, size, 3), np.uint8)
        keypoints = np.empty((len(rows), JOINTS, 3), np.float32)
        for place, person in enumerate(chosen):
            image = read_rgb(self.folder / self.names[person.image], REMEDY)
            images[place], keypoints[place] = crop_person(image, person, size)
        windows = np.array([person.window() for person in chosen], np.float32).reshape(-1, 3)
        areas = np.array([person.area for person in chosen], np.float32)
        ids = np.array([(person.image, person.number) for person in chosen], np.int64).reshape(-1, 2)
        return Poses(images, keypoints, windows, areas, ids[:, 0], ids[:, 1])

    def check_image(self, number: int) -> tuple[int, int]:
        """Return height and width of an image, reading it only once.

        Raises:
            MimicError: it is missing, unreadable, or of another size than the annotation file says.
        """
        path = self.folder / self.names[number]
        if number not in self.shapes:
            self.bad_images.add(number)
            height, width = read_rgb(path, REMEDY).shape[:2]
            if (height, width) != self.sizes[number]:
                what = f"the image is {(height, width)} and {self.sizes[number]} in {self.path.name} (height, width)"
                raise MimicError(what, where=path, remedy=REMEDY)
            self.shapes[number] = height, width
            self.bad_images.discard(number)  # threads that check people of one image may all get here
        return self.shapes[number]

    def check(self, row: int, size: int) -> None:
        """Check that the image is readable, and that box and labelled joints lie in it."""
        person = self.annotations[row]
        try:
            height, width = self.check_image(person.image)
        except MimicError as error:
            where = f"{error.where}, annotation {person.number}"
            raise MimicError(error.what, where=where, remedy=error.remedy) from error
        where, last = person.where(self.path), np.array([width - 1, height - 1])
        places = person.joints[person.joints[:, 2] > 0, :2]
        if (places < -JOINT_TOLERANCE).any() or (places > last + JOINT_TOLERANCE).any() or places.max() <= 0:
            raise MimicError("a labelled joint lies outside the image", where=where, remedy=DAMAGED)
        start, side = np.array(person.box[:2]), np.array(person.box[2:])
        if (np.clip(start, 0, last) >= np.clip(start + side, 0, last)).any():
            raise MimicError("the box lies outside the image", where=where, remedy=DAMAGED)
        if side.max() > MAX_BOX_RATIO * max(height, width):
            raise MimicError("the box is far larger than the image", where=where, remedy=DAMAGED)

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove these people."""
        self.left_out += [self.annotations[row].number for row in rows]
        self.annotations = without(self.annotations, rows)


def crop_person(
    image: NDArray[np.uint8], person: Annotation, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Crop the square around a person to (size, size, 3), with joints in its pixels; unlabelled joints are 0."""
    left, top, side = person.window()
    scale = size / side
    shift = np.array([(0.5 - left) * scale - 0.5, (0.5 - top) * scale - 0.5])  # pixel centres are whole numbers
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    if scale < 1:  # warping samples single pixels: blur first against aliasing
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    picture = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    joints = person.joints.copy()
    joints[:, :2] = np.where(joints[:, 2:] > 0, joints[:, :2] * scale + shift, 0.0)
    return np.asarray(picture), joints
