"""Reader of NYUv2's labelled set: ``nyu_depth_v2_labeled.mat`` and the official ``splits.mat``.

https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html: 1449 images, 795 for training and 654 for testing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import (
    Samples,
    Skipped,
    data_label,
    marked_files,
    require,
    require_label,
    resize_image,
    resize_label,
    resize_whole,
    resize_whole_label,
    stack,
)
from mimic_core.finetune.layouts.mat_file import read_numbers
from mimic_core.foreign import check_pixels, foreign, machine_fault
from mimic_core.foreign.hdf5 import check_array, member, members, open_hdf5, read_array
from mimic_core.foreign.hdf5_chunks import Chunks, list_chunks
from mimic_core.kit.errors import MimicError

if TYPE_CHECKING:
    import h5py

LABELED = "nyu_depth_v2_labeled.mat"
SPLITS = "splits.mat"
KEYS = {"train": "trainNdxs", "test": "testNdxs"}
ARRAYS = {"images": "u", "depths": "f"}  # and the kind of their dtype
MAX_DEPTH = 1e4  # metres; larger depths are invalid
REMEDY = f"put NYUv2's {LABELED} and {SPLITS} there; check that their downloads are whole"
UNREADABLE = "this image cannot be read"


class NYUv2:
    """One split of NYUv2; implements :class:`mimic_core.finetune.data.Split`.

    Args:
        root: folder that holds the two files.
        part: ``train`` or ``test``.

    Attributes:
        skipped: images in the split but not in the dataset, and the number of duplicates in the split.

    Raises:
        MimicError: a file is missing or damaged, an array has another shape, the split names no existing image, or (on
            loading) an image is unreadable.
    """

    def __init__(self, root: str | Path, part: str) -> None:
        root = Path(root)
        self.label = data_label(root, "NYUv2")
        self.skipped: list[Skipped] = []
        self.path = require(root / LABELED, REMEDY)
        splits = require(root / SPLITS, REMEDY)
        self.files = marked_files(root, self.path, splits)
        listed = read_numbers(splits, KEYS[part], REMEDY)
        numbers, first = np.unique(listed, return_index=True)
        self.rows: NDArray[np.int64] = numbers[np.argsort(first)] - 1  # MATLAB counts from 1
        if len(numbers) < len(listed):
            what = f"{len(listed) - len(numbers)} of the image numbers are duplicates"
            self.skipped.append(Skipped(f"{splits}, {KEYS[part]}", what))
        with open_labeled(self.path) as file:
            count, self.chunks = check_labeled(file, self.path)
        there = (self.rows >= 0) & (self.rows < count)
        what = f"there is no such image; images are numbered 1 to {count}"
        gone = (self.rows[~there] + 1).tolist()
        self.skipped += [Skipped(f"{splits}, {KEYS[part]}, image {number}", what) for number in gone]
        self.rows = self.rows[there]
        if not len(self.rows):
            what = f"{KEYS[part]} names images such as {numbers[0]}, but images are numbered 1 to {count}"
            raise MimicError(what, where=splits, remedy="use the split file of this dataset")

    def __len__(self) -> int:
        return len(self.rows)

    def load(self, rows: Sequence[int], size: int, *, whole: bool = False) -> Samples:
        """Read images and metric depth; depth that is 0, not finite or at least ``MAX_DEPTH`` is invalid."""
        fit, fit_label = (resize_whole, resize_whole_label) if whole else (resize_image, resize_label)
        pairs = []
        with open_labeled(self.path) as file:
            for row in rows:
                image, depth = self.pair(file, row)
                with np.errstate(over="ignore"):  # overflow gives an invalid depth
                    label = fit_label(np.ascontiguousarray(depth.T, np.float32), size)
                pairs.append((fit(np.ascontiguousarray(image.transpose(2, 1, 0)), size), label))
        names = [self.name(row) for row in rows]
        images = stack([image for image, _ in pairs], names)
        depths = stack([label for _, label in pairs], names).astype(np.float32)[:, None]
        valid = np.isfinite(depths[:, 0]) & (depths[:, 0] > 0) & (depths[:, 0] < MAX_DEPTH)
        return Samples(images, np.where(valid[:, None], depths, 0).astype(np.float32), valid)

    def pair(self, file: h5py.File, row: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read an image (3, W, H) and its depth (W, H) as stored."""
        number = int(self.rows[row])
        with foreign(UNREADABLE, self.name(row), REMEDY):
            try:
                images, depths = (
                    read_array(member(file, key), kinds, number, self.chunks[key]) for key, kinds in ARRAYS.items()
                )
            except OSError as error:
                if machine_fault(error):
                    raise
                raise MimicError(UNREADABLE, where=self.name(row), remedy=REMEDY) from error
        return images, depths

    def name(self, row: int) -> str:
        """File and number of an image, counted from 1 as in the split file, for messages."""
        return f"{self.path}, image {int(self.rows[row]) + 1}"

    def check(self, row: int, size: int) -> None:
        """Check that the image is readable and has some valid depth."""
        require_label(self.load([row], size).valid, self.name(row), REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove these images."""
        self.rows = np.delete(self.rows, sorted(rows))


def open_nyuv2(root: Path, part: str, splits: Mapping[str, str]) -> NYUv2:
    """Open a part of NYUv2 as its own split file defines it.

    Raises:
        MimicError: other split files are given, or NYUv2 has no such part.
    """
    if splits:
        raise MimicError(f"NYUv2 is split by its own {SPLITS}", where="finetune.splits", remedy="leave it out")
    if part not in KEYS:
        what = f"NYUv2 has no part {part!r}, only {' and '.join(KEYS)}"
        raise MimicError(what, where=root, remedy="set validate_every to null: the last epoch is tested")
    return NYUv2(root, part)


@contextmanager
def open_labeled(path: Path) -> Iterator[h5py.File]:
    """Open the labelled set for reading."""
    with open_hdf5(path, "this is not a MATLAB v7.3 (HDF5) file") as file:
        yield file


def check_labeled(file: h5py.File, path: Path) -> tuple[int, dict[str, Chunks]]:
    """Check ``images`` (N, 3, W, H) and ``depths`` (N, W, H); return the number of images and each array's chunks.

    Raises:
        MimicError: an array is missing, unreadable, or of another shape or type.
    """
    shapes, chunks = [], {}
    with foreign("this file cannot be listed", path, REMEDY):
        names = members(file)
    for key, kinds in ARRAYS.items():
        if key not in names:
            raise MimicError(f"the file has no array {key!r}", where=path, remedy=REMEDY)
        with foreign(f"the array {key!r} cannot be read", path, REMEDY):
            array = member(file, key)
            check_array(array, kinds)
            if kinds == "u" and array.dtype.itemsize > 1:
                raise ValueError(f"numbers of type {array.dtype}")
            shapes.append(tuple(array.shape))
            chunks[key] = list_chunks(array)
    images, depths = shapes
    if len(images) != 4 or images[1] != 3 or depths != (images[0], *images[2:]) or 0 in images:
        what = f"images {images} and depths {depths} should be (N, 3, W, H) and (N, W, H)"
        raise MimicError(what, where=path, remedy=REMEDY)
    check_pixels(images[2:], path)
    return int(images[0]), chunks
