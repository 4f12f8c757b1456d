"""Images of a dense task under its protocol.

Training images are held in memory if they fit, and otherwise read again whenever they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import CHUNK, DenseSplit, Samples
from mimic_core.finetune.protocols import PROTOCOLS, Protocol
from mimic_core.finetune.settings import DenseImages
from mimic_core.finetune.tasks.base import DenseTask
from mimic_core.kit.errors import MimicError

HELD_BYTES = 2**30  # largest images and labels to hold in memory, bytes; features are held besides
CHUNK_BYTES = 2**27  # bytes of images and labels to read at once if not all are held
CHUNK_MULTIPLE = 32  # chunk sizes are multiples of this, so that encoding batches do not depend on them
READ_BATCH = 8  # images per read of a thread


def nbytes(samples: Samples) -> int:
    """Return the size of samples in bytes."""
    return samples.images.nbytes + samples.target.nbytes + samples.valid.nbytes


def chunk_size(each: int) -> int:
    """Return how many images of ``each`` bytes to read at once."""
    return min(max(CHUNK_BYTES // max(each, 1) // CHUNK_MULTIPLE, 1) * CHUNK_MULTIPLE, CHUNK)


def select(samples: Samples, rows: NDArray[np.int64] | slice) -> Samples:
    """Select rows of samples; a slice gives a view."""
    return Samples(samples.images[rows], samples.target[rows], samples.valid[rows])


def concatenate(parts: Iterable[Samples], count: int) -> Samples:
    """Concatenate parts of ``count`` samples in all, copying each part as it comes.

    Raises:
        MimicError: the images differ in shape, or there are none.
    """
    whole, start = None, 0
    for part in parts:
        if whole is None:
            arrays = (part.images, part.target, part.valid)
            whole = Samples(*(np.empty((count, *array.shape[1:]), array.dtype) for array in arrays))
        if part.images.shape[1:] != whole.images.shape[1:]:
            (height, width), (tall, wide) = part.images.shape[1:3], whole.images.shape[1:3]
            raise MimicError(
                f"images are {width}x{height} and {wide}x{tall} pixels once their shorter sides fit",
                where=f"training images {start} to {start + len(part)}",
                remedy="use protocol: squash for images of several shapes",
            )
        rows = slice(start, start + len(part))
        whole.images[rows], whole.target[rows], whole.valid[rows] = part.images, part.target, part.valid
        start += len(part)
    if whole is None:
        raise MimicError("there are no training images", remedy="check the dataset")
    return whole


class TrainingImages:
    """Training images, held in memory or read when needed.

    Args:
        read: reads images of the dataset by row.
        rows: rows of the training images in the dataset.
        threads: number of threads that read images.
        held: largest size in bytes at which all images are held in memory.

    Attributes:
        samples: all images; None if they are read when needed.
    """

    def __init__(
        self, read: Callable[[Sequence[int]], Samples], rows: Sequence[int], threads: int = 1, held: int = HELD_BYTES
    ) -> None:
        self.read, self.rows, self.threads = read, [int(row) for row in rows], max(threads, 1)
        self.each = nbytes(read(self.rows[:1]))
        fits = self.each * len(self.rows) <= held
        self.samples = concatenate(self.parts(self.rows, chunk_size(self.each)), len(self.rows)) if fits else None

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, numbers: NDArray[np.int64]) -> Samples:
        """Return images and labels by their number in this training set, in the given order."""
        if self.samples is not None:
            return select(self.samples, numbers)
        wanted = [self.rows[number] for number in numbers]
        return concatenate(self.parts(wanted, READ_BATCH), len(wanted))

    def parts(self, rows: Sequence[int], size: int) -> Iterator[Samples]:
        """Yield images read ``size`` at a time by each thread."""
        some = [rows[start : start + size] for start in range(0, len(rows), size)]
        if self.threads == 1 or len(some) == 1:
            yield from map(self.read, some)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            yield from pool.map(self.read, some)

    def chunks(self) -> Iterator[Samples]:
        """Yield all images in order, in chunks if they are large."""
        few = self.samples is not None and nbytes(self.samples) <= CHUNK_BYTES
        count = len(self) if few else chunk_size(self.each)
        for start in range(0, len(self), count):
            end = min(start + count, len(self))
            yield self.get(np.arange(start, end)) if self.samples is None else select(self.samples, slice(start, end))


@dataclass(frozen=True)
class DenseData:
    """Reads the images of a dense task.

    Attributes:
        task: the task.
        settings: which images to read, and how to crop them.
    """

    task: DenseTask
    settings: DenseImages

    @property
    def protocol(self) -> Protocol:
        """The protocol of the settings."""
        return PROTOCOLS[self.settings.protocol]

    def open(self, root: Path, part: str) -> DenseSplit:
        """Open a part of the dataset, up to its limit."""
        splits, limits = (cast(Mapping[str, Any], block) for block in (self.settings.splits, self.settings.limits))
        split = self.task.open(root, part, splits)
        split.leave_out(range(limits.get(part, len(split)), len(split)))
        return split

    def training(self, split: DenseSplit, rows: Sequence[int], threads: int = 1) -> TrainingImages:
        """Return training images, before augmentation."""
        size, whole = self.settings.image_size, self.protocol.whole
        return TrainingImages(lambda some: split.load(some, size, whole=whole), rows, threads)

    def plain(self, samples: Samples) -> Samples:
        """Crop images as read for tests, or for training without augmentation."""
        return self.protocol.plain(samples, self.settings.image_size)

    def load(self, split: DenseSplit, rows: Sequence[int]) -> Samples:
        """Read images as inputs of a test."""
        return self.plain(split.load(rows, self.settings.image_size, whole=self.protocol.whole))

    def chunks(self, split: DenseSplit) -> Iterator[Samples]:
        """Yield all images of a split as inputs of a test, up to a few hundred at a time."""
        count = chunk_size(nbytes(self.load(split, [0])))
        for start in range(0, len(split), count):
            yield self.load(split, range(start, min(start + count, len(split))))
