"""Labelled images of the dense tasks: what a reader gives, whatever the dataset's layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.errors import MimicError

SAMPLE_MARK = "SAMPLE_WORLD.json"  # lies in every folder that the sample world wrote
CHUNK = 256  # images held at a time while a test set is read


@dataclass(frozen=True)
class Samples:
    """Images with their labels, all of one size.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        target: (N, C, S, S) float32; depth in metres (C = 1), or normals in the [0, 1] encoding (C = 3).
        valid: (N, S, S) bool: the pixels that have a label.
    """

    images: NDArray[np.uint8]
    target: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


class Split(Protocol):
    """The training or the test images of one dataset."""

    label: str  # what the numbers were obtained on
    files: list[Path]  # what the receipt names

    def __len__(self) -> int:
        """Number of images."""
        ...

    def load(self, rows: Sequence[int], size: int) -> Samples:
        """Read images by their number, resized to ``size`` x ``size`` pixels."""
        ...


def load_all(split: Split, size: int) -> Samples:
    """All images of a split at once."""
    return split.load(range(len(split)), size)


def load_chunks(split: Split, size: int) -> Iterator[Samples]:
    """All images of a split in order, a few hundred at a time, so that a test set need not fit into memory."""
    for start in range(0, len(split), CHUNK):
        yield split.load(range(start, min(start + CHUNK, len(split))), size)


def data_label(root: str | Path, name: str) -> str:
    """``sample world`` where the folder carries its mark, else ``name``: nobody may mistake one for the other."""
    return "sample world" if (Path(root) / SAMPLE_MARK).is_file() else name


def marked_files(root: Path, *files: Path) -> list[Path]:
    """``files``, and the sample world's mark where the folder carries it."""
    mark = root / SAMPLE_MARK
    return [*files, mark] if mark.is_file() else list(files)


def require(path: Path, remedy: str) -> Path:
    """The path of a file that must be there."""
    if not path.is_file():
        raise MimicError("a file of the dataset is missing", where=path, remedy=remedy)
    return path


def resize_image(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """An image (H, W, 3) at ``size`` x ``size``, its aspect squashed; area averaging where it shrinks."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) >= size
    resized = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)


def resize_label(label: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """A label map (H, W) or (H, W, C) at ``size`` x ``size`` by the nearest pixel: labels are never mixed."""
    if label.shape[:2] == (size, size):
        return label
    return np.asarray(cv2.resize(label, (size, size), interpolation=cv2.INTER_NEAREST_EXACT))
