"""The images of a dense task as one protocol has them.

Training images are held in memory where they fit, else read again whenever they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import CHUNK, DenseSplit, Samples
from mimic_core.finetune.protocols import PROTOCOLS
from mimic_core.finetune.task import Task

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


def select(samples: Samples, rows: NDArray[np.int64]) -> Samples:
    """Some rows of samples."""
    return Samples(samples.images[rows], samples.target[rows], samples.valid[rows])


def joined(parts: Sequence[Samples]) -> Samples:
    """Samples one behind the other."""
    return Samples(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.valid for part in parts]),
    )


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
        self.samples = read(self.rows) if self.each * len(self.rows) <= held else None

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, numbers: NDArray[np.int64]) -> Samples:
        """Images and labels of these numbers, in this order."""
        if self.samples is not None:
            return select(self.samples, numbers)
        wanted = [self.rows[number] for number in numbers]
        parts = [wanted[start : start + TOGETHER] for start in range(0, len(wanted), TOGETHER)]
        if self.threads == 1 or len(parts) == 1:
            return joined([self.read(part) for part in parts])
        with ThreadPoolExecutor(self.threads) as pool:
            return joined(list(pool.map(self.read, parts)))

    def chunks(self) -> Iterator[Samples]:
        """All of them, in order, a few at a time where they are not held."""
        if self.samples is not None:
            yield self.samples
            return
        count = chunk_of(self.each)
        for start in range(0, len(self), count):
            yield self.get(np.arange(start, min(start + count, len(self))))


@dataclass(frozen=True)
class DenseData:
    """How the images of a task are read.

    Attributes:
        task: whose dataset.
        size: side of the input, pixels.
        protocol: name of one of :data:`mimic_core.finetune.protocols.PROTOCOLS`.
        splits, limits: see :class:`mimic_core.finetune.settings.FinetuneSettings`.
    """

    task: Task
    size: int
    protocol: str
    splits: Mapping[str, str]
    limits: Mapping[str, int]

    def open(self, root: Path, part: str) -> DenseSplit:
        """A part of the dataset, up to its limit."""
        split = self.task.open(root, part, self.splits)
        split.leave_out(range(self.limits.get(part, len(split)), len(split)))
        return split

    def training(self, split: DenseSplit, rows: Sequence[int], threads: int = 1) -> TrainingImages:
        """Images as they are read, before they are augmented."""
        whole = PROTOCOLS[self.protocol].whole
        return TrainingImages(lambda some: split.load(some, self.size, whole=whole), rows, threads)

    def plain(self, samples: Samples) -> Samples:
        """What a test sees of images as they are read, and training without augmentation."""
        return PROTOCOLS[self.protocol].plain(samples, self.size)

    def load(self, split: DenseSplit, rows: Sequence[int]) -> Samples:
        """Images as a test sees them."""
        return self.plain(split.load(rows, self.size, whole=PROTOCOLS[self.protocol].whole))

    def chunks(self, split: DenseSplit) -> Iterator[Samples]:
        """All images of a split as a test sees them, up to a few hundred at a time."""
        count = chunk_of(nbytes(self.load(split, [0])))
        for start in range(0, len(split), count):
            yield self.load(split, range(start, min(start + count, len(split))))
