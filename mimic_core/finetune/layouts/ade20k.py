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
# Grey of 2 and 4 bits is brightness to every reader, which makes class 3 of it class 51
CLASS_PICTURES = {(8, 0), (1, 0), *((bits, 3) for bits in (1, 2, 4, 8))}


class ADE20K:
    """One split of ADE20K; satisfies :class:`mimic_core.finetune.data.Split`.

    Args:
        root: ``ADEChallengeData2016``, or the folder that holds it.
        part: ``train`` or ``test`` (its validation set: the test set's labels are not public).
        skip: names of images, without the suffix, that are left out from the start.

    Attributes:
        classes: 150.
        left_out: names of images that :meth:`leave_out` left out.

    Raises:
        MimicError: a folder is missing or empty, or (as it is loaded) an image has no annotation, one of the two cannot
            be read, they differ in size, or a class is above 150.
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
        """Images and classes 0..149; what is 0 in the file (other) is ignored."""
        images = np.empty((len(rows), size, size, 3), np.uint8)
        labels = np.empty((len(rows), size, size), np.uint8)
        for place, row in enumerate(rows):
            image, annotation = self.pair(row)
            images[place] = resize_image(image, size)
            labels[place] = resize_label(annotation, size)
        return ClassMaps(images, np.where(labels == 0, IGNORED, labels - 1).astype(np.uint8))

    def pair(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """An image (H, W, 3) RGB and the numbers of its classes (H, W) as they are stored."""
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
        """An image (H, W, 3) RGB and its classes (H, W) 0..149, at their own size or with so long a longer side."""
        image, annotation = self.pair(row)
        truth = np.where(annotation == 0, IGNORED, annotation - 1).astype(np.uint8)
        if longer_side is None:
            return image, truth
        scale = longer_side / max(image.shape[:2])
        height, width = (int(side * scale + 0.5) for side in image.shape[:2])  # as MMCV rounds
        picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        return picture, resize_label(truth, height, width).astype(np.uint8)

    def check(self, row: int, size: int) -> None:
        """See that image and annotation can be read and fit, and that a pixel has a class."""
        require_label(self.pair(row)[1] > 0, self.images[row], REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images."""
        self.left_out += [self.images[row].stem for row in rows]
        self.images = without(self.images, rows)


def read_annotation(path: Path) -> NDArray[np.uint8]:
    """Numbers of the classes as they are stored: (H, W) uint8, 0 for other, 1..150.

    A PNG's grey levels or its places in a palette, whatever its colours are, read as MMSegmentation reads them.
    """
    data = read_bytes(path, REMEDY)
    check_picture(data, path)
    kind = png_kind(data)
    if kind is None:
        raise MimicError("this annotation cannot be read: it is no PNG", where=path, remedy=REMEDY)
    if kind not in CLASS_PICTURES:
        stored = f"{kind[0]} bits of {COLOURS.get(kind[1], 'no known colour')}"
        what = f"this annotation is {stored}, and 8 bits of grey are needed, or a palette"
        raise MimicError(what, where=path, remedy=OTHERS)
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            labels = np.array(picture).astype(np.uint8)
    except Exception as error:  # Pillow raises whatever a damaged part made of it
        raise MimicError("this annotation cannot be read", where=path, remedy=REMEDY) from error
    if labels.max() > CLASSES:
        what = f"a pixel of this annotation has class {labels.max()}, and there are {CLASSES}"
        raise MimicError(what, where=path, remedy=OTHERS)
    return np.asarray(labels)


def png_kind(data: bytes) -> tuple[int, int] | None:
    """Bits a sample and type of colour by a PNG's header; None where it is no PNG."""
    return (data[24], data[25]) if data[:8] == PNG and data[12:16] == b"IHDR" and len(data) > 25 else None
