"""From a dataset of pairs to batches: held-out units, the order of the samples, images decoded once or as needed."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator, seed_for
from mimic_core.objectives import Request

log = logging.getLogger("mimic")

Item = TypeVar("Item")

AHEAD = 3  # batches that are being decoded while the model works on one


class Pairs(Protocol):
    """What pretraining asks of a dataset: :class:`mimic_core.datasets.PairDataset` is one.

    ``dataset[i]`` is called from several threads at once.
    """

    @property
    def rows(self) -> pd.DataFrame:
        """One row a pair; the columns ``key``, ``source`` and ``unit`` are used."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, Mapping[str, Any]]:
        """View 1 and view 2 (HxWx3 uint8 RGB) and the row."""


def split_by_unit(rows: pd.DataFrame, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose whole units (videos, scenes) for validation, so that no scene is on both sides.

    Args:
        rows: the dataset's rows.
        share: share of the units to hold out, 0 to 1; at least one where it is above 0.
        seed: the config's seed; each unit is drawn by a hash of its own name.

    Returns:
        Indices of the training pairs and of the validation pairs, both ascending. A dataset of one unit has no
        validation pairs.
    """
    names = list(zip(rows["source"].astype(str), rows["unit"].astype(str), strict=True))
    units = sorted(set(names), key=lambda name: (seed_for(seed, "validation", *name), name))
    count = min(max(1, round(share * len(units))), len(units) - 1) if share > 0 else 0
    if share > 0 and count < 1:
        log.warning("the dataset has one unit only: nothing is held out for validation")
    held_out = set(units[:count])
    chosen = np.array([name in held_out for name in names], dtype=bool)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


class Order:
    """Which samples are in the effective batch of an iteration: a new permutation every pass, known without history.

    What does not fill a batch at the end of a pass is left out; samples that do not fill even one are repeated.

    Args:
        samples: how many there are.
        effective_batch: samples of one step of the optimizer, over all processes.
        seed: the config's seed.
        epoch_samples: samples that count as an epoch, whatever there are; None: all, so that an epoch is a pass.
    """

    def __init__(self, samples: int, effective_batch: int, seed: int, epoch_samples: int | None = None) -> None:
        if samples < 1:
            remedy = "mine more pairs, or lower pretrain.validation_share"
            raise MimicError("there is no pair to train on", where="the dataset's manifest", remedy=remedy)
        self.samples, self.effective_batch, self.seed = samples, effective_batch, seed
        self.iterations_per_pass = max(1, samples // effective_batch)
        self.iterations_per_epoch = max(1, (samples if epoch_samples is None else epoch_samples) // effective_batch)
        self.held, self.permutation = -1, np.empty(0, dtype=np.int64)

    def batch(self, iteration: int) -> np.ndarray:
        """The (effective_batch,) sample indices of an iteration, counted from 0 over all epochs."""
        number, place = divmod(iteration, self.iterations_per_pass)
        if number != self.held:
            rng = generator(self.seed, "order", number)
            repeats = -(-self.effective_batch // self.samples)
            self.permutation = np.concatenate([rng.permutation(self.samples) for _ in range(repeats)])
            self.held = number
        return self.permutation[place * self.effective_batch :][: self.effective_batch]


class ImageStore:
    """Images of a dataset at the size of training; kept decoded in memory where they fit.

    Args:
        dataset: the pairs.
        size: side of the square images, pixels.
        cache_mib: memory they may take, MiB.
        threads: threads that decode.
    """

    def __init__(self, dataset: Pairs, size: int, cache_mib: float, threads: int) -> None:
        self.dataset, self.size = dataset, size
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self.cache: np.ndarray | None = None
        needed = len(dataset) * 2 * size * size * 3
        if needed <= cache_mib * 2**20:
            self.cache = np.empty((len(dataset), 2, size, size, 3), dtype=np.uint8)
            for index, pair in enumerate(track(self.pool.map(self.decode, range(len(dataset))), "pairs", len(dataset))):
                self.cache[index] = pair
        else:
            log.info("the images take %d MiB: over cache_mib, so they are decoded as needed", needed >> 20)

    def decode(self, index: int) -> np.ndarray:
        """Both views of a pair, resized: (2, size, size, 3) uint8."""
        return np.stack([resize(view, self.size) for view in self.dataset[index][:2]])

    def stream(self, requests: Iterable[tuple[Request, Item]]) -> Iterator[tuple[np.ndarray, Item]]:
        """Yield the (B, V, size, size, 3) uint8 images of each request, and what came with it, in order."""
        if self.cache is not None:
            for request, item in requests:
                yield self.cache[request.pairs, request.views], item
            return
        waiting: deque[tuple[list[Future[np.ndarray]], Request, Item]] = deque()
        for request, item in requests:
            pairs = np.unique(request.pairs)
            waiting.append(([self.pool.submit(self.decode, int(pair)) for pair in pairs], request, item))
            if len(waiting) > AHEAD:
                yield collect(*waiting.popleft())
        while waiting:
            yield collect(*waiting.popleft())

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown(cancel_futures=True)


def collect(futures: list[Future[np.ndarray]], request: Request, item: Item) -> tuple[np.ndarray, Item]:
    """Wait for the pairs of a request (one future each, by ascending pair) and pick its views from them."""
    pairs = np.stack([future.result() for future in futures])
    places = np.searchsorted(np.unique(request.pairs), request.pairs)
    return pairs[places, request.views], item


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Resize an HxWx3 uint8 image to size x size pixels, averaging areas where it shrinks."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    shrinks = min(height, width) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
