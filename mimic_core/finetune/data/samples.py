"""Labelled images as all readers in ``layouts/`` return them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator

IGNORED = 255  # class of pixels without one
CHUNK = 256  # most images held at a time while a test set is read


@dataclass(frozen=True)
class Samples:
    """Images with their labels, all of one size.

    Attributes:
        images: (N, H, W, 3) uint8 RGB; square unless loaded with ``whole``.
        target: (N, C, H, W) float32, in units of the task.
        valid: (N, H, W) bool, pixels with a label.
    """

    images: NDArray[np.uint8]
    target: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ClassMaps:
    """Images with a class for every pixel, all of one size.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        labels: (N, S, S) uint8, classes counted from 0; ``IGNORED`` for pixels without one.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Poses:
    """Square crops around one person each, with the person's joints.

    Attributes:
        images: (N, S, S, 3) uint8 RGB; black outside the original image.
        keypoints: (N, 17, 3) float32: x, y in pixels of the crop (whole numbers at pixel centres) and COCO's
            visibility: 0 not labelled, 1 hidden, 2 visible.
        windows: (N, 3) float32: left, top and side of the crop, in pixels of the original image. A point (x, y) of the
            crop lies at left + (x + 0.5) * side / S - 0.5 there, and likewise for y.
        areas: (N,) float32, area of the person in pixels of the original image.
        image_ids, annotation_ids: (N,) int64, as in the annotation file.
    """

    images: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    windows: NDArray[np.float32]
    areas: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    annotation_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ClassImages:
    """Images with one class each, all of one size.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        labels: (N,) int64, classes counted from 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


class Skipped(NamedTuple):
    """A sample or file that was left out, and why."""

    where: str
    what: str


Item = TypeVar("Item")
Labelled = TypeVar("Labelled")
Labelled_co = TypeVar("Labelled_co", covariant=True)


class Split(Protocol[Labelled_co]):
    """One part of a dataset, such as its training images; generic in the type of samples (such as ``Samples``)."""

    label: str  # name of the dataset for the results
    files: list[Path]  # files to record in the receipt
    skipped: list[Skipped]  # samples and files left out

    def __len__(self) -> int:
        """Number of images."""
        ...

    def load(self, rows: Sequence[int], size: int) -> Labelled_co:
        """Read rows, resized to ``size`` x ``size`` pixels."""
        ...

    def check(self, row: int, size: int) -> None:
        """Raise a :class:`MimicError` that names the files if an image or its label is unusable."""
        ...

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove rows; the rows after them move up."""
        ...


class DenseSplit(Split[Samples], Protocol):
    """One part of a dataset with a label for every pixel."""

    def load(self, rows: Sequence[int], size: int, *, whole: bool = False) -> Samples:
        """Read rows with the shorter side resized to ``size`` (``whole``), or squashed to a square of ``size``."""
        ...


def load_all(split: Split[Labelled], size: int) -> Labelled:
    """Read all samples of a split."""
    return split.load(range(len(split)), size)


def without(items: Sequence[Item], rows: Collection[int]) -> list[Item]:
    """Return a list without the items at ``rows``."""
    gone = set(rows)
    return [item for row, item in enumerate(items) if row not in gone]


def few_shot_rows(count: int, train_images: int | None, seed: int) -> NDArray[np.int64]:
    """Draw ``train_images`` of ``count`` rows with a seed, in ascending order; None: all rows.

    Raises:
        MimicError: ``train_images`` is larger than ``count``.
    """
    if train_images is None:
        return np.arange(count)
    if train_images > count:
        raise MimicError(
            f"train_images is {train_images}, and there are only {count} training images",
            where="finetune.train_images",
            remedy=f"use {count} or fewer",
        )
    return np.sort(generator(seed, "few-shot").permutation(count)[:train_images])
