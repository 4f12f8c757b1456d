"""Reader of ImageNet's ILSVRC 2012: a folder a class, named by its WordNet number.

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
    listed,
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
CROP = 0.875  # side of the cut-out, share of the image's shorter side: 224 of 256 pixels
REMEDY = "put ImageNet's train/<wnid>/ and val/<wnid>/ there; check that the download is whole"


class ImageNet:
    """One split of ImageNet; satisfies :class:`mimic_core.finetune.data.Split`.

    Args:
        root: folder that holds ``train/`` and ``val/``.
        part: ``train`` or ``test`` (its validation set: the test set's labels are not public).

    Attributes:
        wnids: names of the classes of the training set, sorted; a class's number is its place here.
        images: paths, by class and name.
        labels: (N,) int64 numbers of their classes.

    Raises:
        MimicError: a folder is missing, one of a class holds no image, the validation set has classes that the training
            set has not, or (as it is loaded) an image cannot be read.
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
        """One whole image, (H, W, 3) RGB: what training cuts its own random part out of."""
        return read_rgb(self.images[row], REMEDY)

    def load(self, rows: Sequence[int], size: int) -> ClassImages:
        """The middle of each image, and its class: its shorter side brought to ``size`` / 0.875, then a square cut out.

        As the released MAE tests (Resize(256), CenterCrop(224)).
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
        """See that an image can be read."""
        self.image(row)

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images."""
        self.images, self.labels = without(self.images, rows), np.delete(self.labels, sorted(rows))


def list_classes(folder: Path) -> list[str]:
    """Names of the folders of the classes, sorted."""
    names = [path.name for path in listed(require_folder(folder, REMEDY)) if os.path.isdir(path)]  # noqa: PTH112
    names = [name for name in names if WNID.fullmatch(name)]
    if not names:
        what = "there is no folder named like a class (n and eight digits) here"
        raise MimicError(what, where=folder, remedy="sort the images into a folder a class, as train/ has them")
    return names


def list_images(folder: Path) -> list[Path]:
    """A class's images by name."""
    paths = [path for path in listed(folder) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise MimicError("there is no image of this class", where=folder, remedy=REMEDY)
    return paths
