"""Reader of ADE20K's scene parsing benchmark: ``images/`` and ``annotations/`` of ``ADEChallengeData2016``.

http://sceneparsing.csail.mit.edu: 150 classes, 20,210 images for training and 2,000 for validation.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_core.finetune.data import (
    IGNORED,
    ClassMaps,
    Skipped,
    data_label,
    marked_files,
    read_bytes,
    read_rgb,
    require_folder,
    require_label,
    resize_image,
    resize_label,
    without,
)
from mimic_core.foreign import check_picture
from mimic_core.kit.errors import MimicError, printable

FOLDER = "ADEChallengeData2016"
PARTS = {"train": "training", "test": "validation"}
CLASSES = 150
REMEDY = f"put ADE20K's {FOLDER}, with images/ and annotations/, there; check that the download is whole"
OTHERS = f"use the annotations of {FOLDER}, not those of the full dataset"
PNG = b"\x89PNG\r\n\x1a\n"
COLOURS = {0: "grey", 2: "RGB", 3: "a palette", 4: "grey and transparency", 6: "RGB and transparency"}
# Readers scale grey of 2 and 4 bits to 8 bits, which turns class 3 of 4 bits into 51
CLASS_PICTURES = {(8, 0), (1, 0), *((bits, 3) for bits in (1, 2, 4, 8))}


class ADE20K:
    """One split of ADE20K; implements :class:`mimic_core.finetune.data.Split`.

    Args:
        root: ``ADEChallengeData2016``, or its parent folder.
        part: ``train`` or ``test`` (its validation set: the test set's labels are not public).
        skip: names of images to leave out, without the suffix.

    Attributes:
        classes: 150.
        left_out: names of images removed by :meth:`leave_out`.

    Raises:
        MimicError: a folder is missing or empty, or (on loading) an image has no annotation, one of the two is
            unreadable, they differ in size, or a class is above 150.
    """

    classes = CLASSES

    def __init__(self, root: str | Path, part: str, skip: Collection[str] = ()) -> None:
        root = Path(root)
        self.label = data_label(root, "ADE20K")
        base = root / FOLDER if (root / FOLDER).is_dir() else root
        folder = require_folder(base / "images" / PARTS[part], REMEDY)
        self.annotations = require_folder(base / "annotations" / PARTS[part], REMEDY)
        found = {path.stem: path for path in sorted(folder.glob("*.jpg"))}
        if not found:
            raise MimicError("there is no .jpg in this folder", where=folder, remedy=REMEDY)
        self.images = [path for name, path in found.items() if name not in skip]
        self.left_out: list[str] = []
        alone = [path for path in sorted(self.annotations.glob("*.png")) if path.stem not in found]
        self.skipped = [Skipped(printable(str(path)), "this annotation has no image") for path in alone]
        self.files = marked_files(root, *sorted(base.glob("*.txt")))

    def __len__(self) -> int:
        return len(self.images)

    def load(self, rows: Sequence[int], size: int) -> ClassMaps:
        """Read images and classes 0..149; 0 in the file (other) is ignored."""
        images = np.empty((len(rows), size, size, 3), np.uint8)
        labels = np.empty((len(rows), size, size), np.uint8)
        for place, row in enumerate(rows):
            image, annotation = self.pair(row)
            images[place] = resize_image(image, size)
            labels[place] = resize_label(annotation, size)
        return ClassMaps(images, np.where(labels == 0, IGNORED, labels - 1).astype(np.uint8))

    def pair(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read an image (H, W, 3) RGB and its classes (H, W) as stored."""
        path = self.images[row]
        annotation_path = self.annotations / f"{path.stem}.png"
        if not os.path.lexists(annotation_path):
            raise MimicError("this image has no annotation", where=f"{path} -> {annotation_path}", remedy=REMEDY)
        image, annotation = read_rgb(path, REMEDY), read_annotation(annotation_path)
        if image.shape[:2] != annotation.shape:
            what = f"the image is {image.shape[:2]} and its annotation {annotation.shape} (height, width)"
            raise MimicError(what, where=path, remedy=REMEDY)
        return image, annotation

    def whole(self, row: int, longer_side: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read an image (H, W, 3) RGB and its classes (H, W) 0..149, optionally resized by the longer side."""
        image, annotation = self.pair(row)
        truth = np.where(annotation == 0, IGNORED, annotation - 1).astype(np.uint8)
        if longer_side is None:
            return image, truth
        scale = longer_side / max(image.shape[:2])
        height, width = (int(side * scale + 0.5) for side in image.shape[:2])  # as MMCV rounds
        picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        return picture, resize_label(truth, height, width).astype(np.uint8)

    def check(self, row: int, size: int) -> None:
        """Check that image and annotation are readable and of one size, and that some pixel has a class."""
        require_label(self.pair(row)[1] > 0, self.images[row], REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove these images."""
        self.left_out += [self.images[row].stem for row in rows]
        self.images = without(self.images, rows)


def read_annotation(path: Path) -> NDArray[np.uint8]:
    """Read classes as stored: (H, W) uint8, 0 for other, 1..150.

    These are a PNG's grey levels or palette indices, as MMSegmentation reads them.

    Raises:
        MimicError: the file is missing or not such a PNG, or a class is above 150.
    """
    data = read_bytes(path, REMEDY)
    check_picture(data, path)
    kind = png_kind(data)
    if kind is None:
        raise MimicError("this annotation cannot be read: it is not a PNG", where=path, remedy=REMEDY)
    if kind not in CLASS_PICTURES:
        stored = f"{kind[0]} bits of {COLOURS.get(kind[1], 'an unknown colour type')}"
        what = f"this annotation is {stored}, and must be 8 bits of grey or a palette"
        raise MimicError(what, where=path, remedy=OTHERS)
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            labels = np.array(picture).astype(np.uint8)
    except Exception as error:  # Pillow raises many types on damaged files
        raise MimicError("this annotation cannot be read", where=path, remedy=REMEDY) from error
    if labels.max() > CLASSES:
        what = f"a pixel of this annotation has class {labels.max()}, and there are {CLASSES}"
        raise MimicError(what, where=path, remedy=OTHERS)
    return np.asarray(labels)


def png_kind(data: bytes) -> tuple[int, int] | None:
    """Return bit depth and colour type from a PNG's header; None if it is not a PNG."""
    return (data[24], data[25]) if data[:8] == PNG and data[12:16] == b"IHDR" and len(data) > 25 else None
