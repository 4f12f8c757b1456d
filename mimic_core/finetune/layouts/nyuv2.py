"""Reader of NYUv2's labelled set: ``nyu_depth_v2_labeled.mat`` and the official ``splits.mat``.

https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html: 1449 images, 795 for training and 654 for testing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from numpy.typing import NDArray

from mimic_core.errors import MimicError
from mimic_core.finetune.data import Samples, Skipped, data_label, marked_files, require, resize_image, resize_label
from mimic_core.finetune.usable import require_label

LABELED = "nyu_depth_v2_labeled.mat"
SPLITS = "splits.mat"
KEYS = {"train": "trainNdxs", "test": "testNdxs"}
REMEDY = f"put NYUv2's {LABELED} and {SPLITS} there; check that their downloads are whole"


class NYUv2:
    """One split of NYUv2; satisfies :class:`mimic_core.finetune.data.Split`.

    Args:
        root: folder of the two files.
        part: ``train`` or ``test``.

    Raises:
        MimicError: a file is missing or damaged, an array has another shape, the split names images not there, or (as
            it is loaded) an image cannot be read.
    """

    def __init__(self, root: str | Path, part: str) -> None:
        root = Path(root)
        self.label = data_label(root, "NYUv2")
        self.skipped: list[Skipped] = []
        self.path = require(root / LABELED, REMEDY)
        splits = require(root / SPLITS, REMEDY)
        self.files = marked_files(root, self.path, splits)
        self.rows = read_rows(splits, KEYS[part]) - 1  # MATLAB counts from 1
        with open_labeled(self.path) as file:
            count = check_shapes(file, self.path)
        if self.rows.min() < 0 or self.rows.max() >= count:
            what = f"{KEYS[part]} names image {self.rows.max() + 1}, and there are {count}, counted from 1"
            raise MimicError(what, where=splits, remedy="use the split file of this dataset")

    def __len__(self) -> int:
        return len(self.rows)

    def load(self, rows: Sequence[int], size: int) -> Samples:
        """Images and metric depth; a depth of 0 or one that is not finite is invalid."""
        images = np.empty((len(rows), size, size, 3), np.uint8)
        depths = np.empty((len(rows), 1, size, size), np.float32)
        with open_labeled(self.path) as file:
            for place, row in enumerate(rows):
                number = int(self.rows[row])
                try:
                    image, depth = file["images"][number], file["depths"][number]
                except OSError as error:
                    raise MimicError("this image cannot be read", where=self.name(row), remedy=REMEDY) from error
                images[place] = resize_image(np.ascontiguousarray(image.transpose(2, 1, 0)), size)
                depths[place, 0] = resize_label(np.ascontiguousarray(depth.T, np.float32), size)
        valid = np.isfinite(depths[:, 0]) & (depths[:, 0] > 0)
        return Samples(images, np.where(valid[:, None], depths, 0).astype(np.float32), valid)

    def name(self, row: int) -> str:
        """File and number of an image, counted from 1 as in the split file."""
        return f"{self.path}, image {int(self.rows[row]) + 1}"

    def check(self, row: int, size: int) -> None:
        """See that the image can be read, and that its depth is not invalid everywhere."""
        require_label(self.load([row], size).valid, self.name(row), REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images."""
        self.rows = np.delete(self.rows, sorted(rows))


def open_labeled(path: Path) -> h5py.File:
    """Open the labelled set for reading."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise MimicError("this is not a MATLAB v7.3 (HDF5) file", where=path, remedy=REMEDY) from error


def check_shapes(file: h5py.File, path: Path) -> int:
    """Number of images, if ``images`` (N, 3, W, H) and ``depths`` (N, W, H) are what they should be."""
    for key in ("images", "depths"):
        if key not in file:
            raise MimicError(f"there is no array {key!r} in the file", where=path, remedy=REMEDY)
    images, depths = file["images"].shape, file["depths"].shape
    if len(images) != 4 or images[1] != 3 or depths != (images[0], *images[2:]):
        what = f"images {images} and depths {depths} should be (N, 3, W, H) and (N, W, H)"
        raise MimicError(what, where=path, remedy=REMEDY)
    return int(images[0])


def read_rows(path: Path, key: str) -> NDArray[np.int64]:
    """A column of image numbers, counted from 1."""
    try:
        columns = scipy.io.loadmat(path)
    except (OSError, ValueError, NotImplementedError) as error:  # scipy raises the last for an HDF5 file
        raise MimicError("this is not a MATLAB v5 file", where=path, remedy=REMEDY) from error
    rows = np.asarray(columns.get(key, [])).reshape(-1).astype(np.int64)
    if len(rows) == 0:
        raise MimicError(f"there are no image numbers {key!r} in the file", where=path, remedy=REMEDY)
    return rows
