"""The images of a dense task as one protocol has them.

Training images are held in memory where they fit, else read again whenever they are needed.
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

HELD = 2**30  # bytes of images and labels; a process holds those of its features, too
LOADED = 2**27  # bytes of images and labels that are read at once where not all are held
BATCH = 32  # of which a chunk is a multiple, so that what is computed together does not depend on it
TOGETHER = 8  # images that a thread reads at once


def nbytes(samples: Samples) -> int:
    """Bytes that samples take."""
    return samples.images.nbytes + samples.target.nbytes + samples.valid.nbytes


def chunk_of(each: int) -> int:
    """How many images of so many bytes are read at once."""
    return min(max(LOADED // max(each, 1) // BATCH, 1) * BATCH, CHUNK)


def select(samples: Samples, rows: NDArray[np.int64] | slice) -> Samples:
    """Some rows of samples; a slice copies nothing."""
    return Samples(samples.images[rows], samples.target[rows], samples.valid[rows])


def joined(parts: Iterable[Samples], count: int) -> Samples:
    """Samples one behind the other, ``count`` in all, each part put in its place as it comes.

    Raises:
        MimicError: their images are of several shapes.
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
    """Images of a training set by their number within it.

    Args:
        read: reads images of the dataset by their number there.
        rows: which of them these are.
        threads: that read images which are not held.
        held: bytes up to which they are all held in memory.

    Attributes:
        samples: all of them; None where they are read as they are needed.
    """

    def __init__(
        self, read: Callable[[Sequence[int]], Samples], rows: Sequence[int], threads: int = 1, held: int = HELD
    ) -> None:
        self.read, self.rows, self.threads = read, [int(row) for row in rows], max(threads, 1)
        self.each = nbytes(read(self.rows[:1]))
        fits = self.each * len(self.rows) <= held
        self.samples = joined(self.parts(self.rows, chunk_of(self.each)), len(self.rows)) if fits else None

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, numbers: NDArray[np.int64]) -> Samples:
        """Images and labels of these numbers, in this order."""
        if self.samples is not None:
            return select(self.samples, numbers)
        wanted = [self.rows[number] for number in numbers]
        return joined(self.parts(wanted, TOGETHER), len(wanted))

    def parts(self, rows: Sequence[int], size: int) -> Iterator[Samples]:
        """Images read ``size`` at a time, as many at once as there are threads."""
        some = [rows[start : start + size] for start in range(0, len(rows), size)]
        if self.threads == 1 or len(some) == 1:
            yield from map(self.read, some)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            yield from pool.map(self.read, some)

    def chunks(self) -> Iterator[Samples]:
        """All of them, in order, a few at a time where they are many."""
        few = self.samples is not None and nbytes(self.samples) <= LOADED
        count = len(self) if few else chunk_of(self.each)
        for start in range(0, len(self), count):
            end = min(start + count, len(self))
            yield self.get(np.arange(start, end)) if self.samples is None else select(self.samples, slice(start, end))


@dataclass(frozen=True)
class DenseData:
    """How the images of a task are read.

    Attributes:
        task: whose dataset.
        settings: which images, and how they are cut out.
    """

    task: DenseTask
    settings: DenseImages

    @property
    def protocol(self) -> Protocol:
        """How an image becomes a model's input."""
        return PROTOCOLS[self.settings.protocol]

    def open(self, root: Path, part: str) -> DenseSplit:
        """A part of the dataset, up to its limit."""
        splits, limits = (cast(Mapping[str, Any], block) for block in (self.settings.splits, self.settings.limits))
        split = self.task.open(root, part, splits)
        split.leave_out(range(limits.get(part, len(split)), len(split)))
        return split

    def training(self, split: DenseSplit, rows: Sequence[int], threads: int = 1) -> TrainingImages:
        """Images as they are read, before they are augmented."""
        size, whole = self.settings.image_size, self.protocol.whole
        return TrainingImages(lambda some: split.load(some, size, whole=whole), rows, threads)

    def plain(self, samples: Samples) -> Samples:
        """What a test sees of images as they are read, and training without augmentation."""
        return self.protocol.plain(samples, self.settings.image_size)

    def load(self, split: DenseSplit, rows: Sequence[int]) -> Samples:
        """Images as a test sees them."""
        return self.plain(split.load(rows, self.settings.image_size, whole=self.protocol.whole))

    def chunks(self, split: DenseSplit) -> Iterator[Samples]:
        """All images of a split as a test sees them, up to a few hundred at a time."""
        count = chunk_of(nbytes(self.load(split, [0])))
        for start in range(0, len(split), count):
            yield self.load(split, range(start, min(start + count, len(split))))
