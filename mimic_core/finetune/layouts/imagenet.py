"""Reader of ImageNet's ILSVRC 2012: one folder per class, named by its WordNet id.

https://image-net.org: 1000 classes, 1,281,167 images for training and 50,000 for validation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import (
    ClassImages,
    Skipped,
    data_label,
    list_folder,
    marked_files,
    read_rgb,
    require_folder,
    resize_bicubic,
    without,
)
from mimic_core.kit.errors import MimicError

PARTS = {"train": "train", "test": "val"}
WNID = re.compile(r"n[0-9]{8}")
SUFFIXES = (".jpeg", ".jpg", ".png")
CROP = 0.875  # side of the centre crop over the image's shorter side: 224 of 256 pixels
REMEDY = "put ImageNet's train/<wnid>/ and val/<wnid>/ there; check that the download is whole"


class ImageNet:
    """One split of ImageNet; implements :class:`mimic_core.finetune.data.Split`.

    Args:
        root: folder that holds ``train/`` and ``val/``.
        part: ``train`` or ``test`` (its validation set: the test set's labels are not public).

    Attributes:
        wnids: WordNet ids of the training classes, sorted; a class's label is its index here.
        images: paths, sorted by class and name.
        labels: (N,) int64 classes of the images.

    Raises:
        MimicError: a folder is missing, a class has no image, the validation set has classes that the training set
            lacks, or (on loading) an image is unreadable.
    """

    def __init__(self, root: str | Path, part: str) -> None:
        root = Path(root)
        self.label = data_label(root, "ImageNet")
        self.skipped: list[Skipped] = []
        self.wnids = list_classes(root / PARTS["train"])
        numbers = {wnid: number for number, wnid in enumerate(self.wnids)}
        folder = root / PARTS[part]
        found = list_classes(folder)
        if unknown := sorted(set(found) - set(numbers)):
            what = f"{len(unknown)} classes have no training images: {', '.join(unknown[:3])}"
            raise MimicError(what, where=folder, remedy=REMEDY)
        by_class = {wnid: list_images(folder / wnid) for wnid in found}
        self.images = [path for paths in by_class.values() for path in paths]
        self.labels: NDArray[np.int64] = np.repeat(
            [numbers[wnid] for wnid in by_class], [len(paths) for paths in by_class.values()]
        ).astype(np.int64)
        self.files = marked_files(root, *sorted(root.glob("LOC_*")))

    def __len__(self) -> int:
        return len(self.images)

    def image(self, row: int) -> NDArray[np.uint8]:
        """Read a full image (H, W, 3) RGB, for training to crop."""
        return read_rgb(self.images[row], REMEDY)

    def load(self, rows: Sequence[int], size: int) -> ClassImages:
        """Read images and classes: the shorter side resized to ``size`` / 0.875, then the centre square cropped.

        This is the released MAE's test transform (Resize(256), CenterCrop(224)).
        """
        images = np.empty((len(rows), size, size, 3), np.uint8)
        for place, row in enumerate(rows):
            image = self.image(row)
            shorter, scale = min(image.shape[:2]), round(size / CROP)
            height, width = (scale * length // shorter for length in image.shape[:2])
            top, left = (round((length - size) / 2) for length in (height, width))
            images[place] = resize_bicubic(image, height, width)[top : top + size, left : left + size]
        return ClassImages(images, self.labels[list(rows)])

    def check(self, row: int, size: int) -> None:
        """Check that an image is readable."""
        self.image(row)

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove these images."""
        self.images, self.labels = without(self.images, rows), np.delete(self.labels, sorted(rows))


def list_classes(folder: Path) -> list[str]:
    """Return the names of the class folders, sorted.

    Raises:
        MimicError: there are none.
    """
    names = [path.name for path in list_folder(require_folder(folder, REMEDY)) if os.path.isdir(path)]  # noqa: PTH112
    names = [name for name in names if WNID.fullmatch(name)]
    if not names:
        what = "this folder has no class folders (n and eight digits)"
        raise MimicError(what, where=folder, remedy="sort the images into one folder per class, as in train/")
    return names


def list_images(folder: Path) -> list[Path]:
    """Return the images in a class folder, sorted by name.

    Raises:
        MimicError: there are none.
    """
    paths = [path for path in list_folder(folder) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise MimicError("there is no image of this class", where=folder, remedy=REMEDY)
    return paths
