"""Labelled images: what a reader gives, whatever the dataset's layout (the readers are in ``layouts/``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator

IGNORED = 255  # class of a pixel that has none
CHUNK = 256  # images held at a time while a test set is read


@dataclass(frozen=True)
class Samples:
    """Images with their labels, all of one size.

    Attributes:
        images: (N, H, W, 3) uint8 RGB; square but where whole images were asked for.
        target: (N, C, H, W) float32, in units of the task.
        valid: (N, H, W) bool: the pixels that have a label.
    """

    images: NDArray[np.uint8]
    target: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ClassMaps:
    """Images with the class of every pixel, all of one size.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        labels: (N, S, S) uint8, classes counted from 0; ``IGNORED`` where a pixel has none.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Poses:
    """Pictures of one person each, cut out around them, with their joints.

    Attributes:
        images: (N, S, S, 3) uint8 RGB; black where the window reaches beyond the whole image.
        keypoints: (N, 17, 3) float32: x, y in pixels of the cut-out (whole numbers at pixel centres) and COCO's
            visibility: 0 not labelled, 1 hidden, 2 visible.
        windows: (N, 3) float32: left, top and side of the square that was cut out, pixels of the whole image. A point
            (x, y) of the cut-out lies at left + (x + 0.5) * side / S - 0.5, and likewise for y.
        areas: (N,) float32, square pixels of the whole image that the person covers.
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
    """A sample, or a file, that was left out: which one, and why."""

    where: str
    what: str


Item = TypeVar("Item")
Labelled = TypeVar("Labelled")
Labelled_co = TypeVar("Labelled_co", covariant=True)


class Split(Protocol[Labelled_co]):
    """The training or the test images of one dataset, which come with labels of one type (such as ``Samples``)."""

    label: str  # what the numbers were obtained on
    files: list[Path]  # what the receipt names
    skipped: list[Skipped]  # what was left out

    def __len__(self) -> int:
        """Number of images."""
        ...

    def load(self, rows: Sequence[int], size: int) -> Labelled_co:
        """Read images by their number, resized to ``size`` x ``size`` pixels."""
        ...

    def check(self, row: int, size: int) -> None:
        """Raise a :class:`MimicError` that names the files where an image or its label cannot be used."""
        ...

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images; the others move up."""
        ...


class DenseSplit(Split[Samples], Protocol):
    """Images with a label for every pixel, whole or squashed to a square."""

    def load(self, rows: Sequence[int], size: int, *, whole: bool = False) -> Samples:
        """Read images by their number; ``whole``: the shorter side at ``size``, else both sides."""
        ...


def load_all(split: Split[Labelled], size: int) -> Labelled:
    """All images of a split at once."""
    return split.load(range(len(split)), size)


def without(items: Sequence[Item], rows: Collection[int]) -> list[Item]:
    """What is left of a list without the items of these numbers."""
    gone = set(rows)
    return [item for row, item in enumerate(items) if row not in gone]


def few_shot_rows(count: int, train_images: int | None, seed: int) -> NDArray[np.int64]:
    """Training images of one repetition, ascending: ``train_images`` of ``count``, drawn by its seed, or all.

    Raises:
        MimicError: more are asked for than there are.
    """
    if train_images is None:
        return np.arange(count)
    if train_images > count:
        raise MimicError(
            f"{train_images} training images are asked for, and there are {count}",
            where="finetune.train_images",
            remedy=f"use {count} or fewer",
        )
    return np.sort(generator(seed, "few-shot").permutation(count)[:train_images])
