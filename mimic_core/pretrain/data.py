"""Training data: held-out units, the order of samples, and decoded images."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator, seed_for
from mimic_core.objectives import Arrays, Request

log = logging.getLogger("mimic")

Item = TypeVar("Item")

AHEAD = 3  # batches decoded ahead of the one in use


class Items(Protocol):
    """The dataset interface that pretraining needs, implemented by :class:`mimic_core.datasets.PairDataset`.

    ``dataset[i]`` is called from several threads at once.
    """

    @property
    def rows(self) -> pd.DataFrame:
        """One row per item; the columns ``key``, ``source`` and ``unit`` are used."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return the images of an item (HxWx3 uint8 RGB each), such as the two of a pair, followed by its row."""


def split_by_unit(rows: pd.DataFrame, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold out entire units (videos, scenes) for validation, so that no scene is in both splits.

    Args:
        rows: the dataset's rows.
        share: share of the units to hold out, 0 to 1; if above 0, at least one unit is held out.
        seed: the config's seed; units are ordered by a hash of the seed and their name.

    Returns:
        Indices of the training pairs and of the validation pairs, both ascending. A dataset with one unit has no
        validation pairs.
    """
    names = list(zip(rows["source"].astype(str), rows["unit"].astype(str), strict=True))
    units = sorted(set(names), key=lambda name: (seed_for(seed, "validation", *name), name))
    count = min(max(1, round(share * len(units))), len(units) - 1) if share > 0 else 0
    if share > 0 and count < 1:
        log.warning("the dataset has only one unit: nothing is held out for validation")
    held_out = set(units[:count])
    chosen = np.array([name in held_out for name in names], dtype=bool)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


class Order:
    """The samples in each iteration's effective batch: a new permutation for every pass, computed without history.

    An incomplete batch at the end of a pass is dropped. If there are fewer samples than one batch, they are repeated.

    Args:
        samples: number of training samples.
        effective_batch: samples per optimizer step, over all processes.
        seed: the config's seed.
        epoch_samples: number of samples that count as an epoch; None: all samples.
    """

    def __init__(self, samples: int, effective_batch: int, seed: int, epoch_samples: int | None = None) -> None:
        if samples < 1:
            remedy = "mine more pairs, or lower pretrain.validation_share"
            raise MimicError("there are no pairs to train on", where="the dataset's manifest", remedy=remedy)
        self.samples, self.effective_batch, self.seed = samples, effective_batch, seed
        self.iterations_per_pass = max(1, samples // effective_batch)
        self.iterations_per_epoch = max(1, (samples if epoch_samples is None else epoch_samples) // effective_batch)
        self.held, self.permutation = -1, np.empty(0, dtype=np.int64)

    def batch(self, iteration: int) -> np.ndarray:
        """Return the (effective_batch,) sample indices of an iteration, counted from 0 over all epochs."""
        number, place = divmod(iteration, self.iterations_per_pass)
        if number != self.held:
            rng = generator(self.seed, "order", number)
            repeats = -(-self.effective_batch // self.samples)
            self.permutation = np.concatenate([rng.permutation(self.samples) for _ in range(repeats)])
            self.held = number
        return self.permutation[place * self.effective_batch :][: self.effective_batch]


class ImageStore:
    """Images of a dataset at training size, cached in memory if they fit, otherwise decoded on demand.

    Args:
        dataset: all items must have the same number of images, such as the two of a pair.
        size: side of the square images, in pixels.
        cache_mib: maximum size of the cache, in MiB.
        threads: number of decoding threads.
    """

    def __init__(self, dataset: Items, size: int, cache_mib: float, threads: int) -> None:
        self.dataset, self.size = dataset, size
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self.cache: np.ndarray | None = None
        shape = (len(dataset), *self.decode(0).shape)
        needed = math.prod(shape)
        if needed <= cache_mib * 2**20:
            self.cache = np.empty(shape, dtype=np.uint8)
            for index, images in enumerate(track(self.pool.map(self.decode, range(shape[0])), "pairs", shape[0])):
                self.cache[index] = images
        else:
            log.info("the images take %d MiB, more than cache_mib: decoding them as needed", needed >> 20)

    def decode(self, index: int) -> np.ndarray:
        """Return all images of an item, resized: (V, size, size, 3) uint8."""
        *images, _ = self.dataset[index]
        return np.stack([resize(image, self.size) for image in images])

    def stream(self, requests: Iterable[tuple[Request, Item]]) -> Iterator[tuple[Arrays, Item]]:
        """Yield the images for each request, with the item that came with it, in order.

        A request maps names to arrays (B, 2): a row of the dataset and the index of an image in it. The result maps the
        same names to images (B, size, size, 3) uint8.
        """
        if self.cache is not None:
            for request, item in requests:
                yield {name: self.cache[asked[:, 0], asked[:, 1]] for name, asked in request.items()}, item
            return
        waiting: deque[tuple[list[Future[np.ndarray]], Request, Item]] = deque()
        for request, item in requests:
            waiting.append(([self.pool.submit(self.decode, int(index)) for index in rows_of(request)], request, item))
            if len(waiting) > AHEAD:
                yield collect(*waiting.popleft())
        while waiting:
            yield collect(*waiting.popleft())

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown(cancel_futures=True)


def rows_of(request: Request) -> np.ndarray:
    """Return the dataset rows in a request, unique and ascending."""
    return np.unique(np.concatenate([asked[:, 0] for asked in request.values()]))


def collect(futures: list[Future[np.ndarray]], request: Request, item: Item) -> tuple[Arrays, Item]:
    """Wait for the rows of a request (one future per row, ascending) and select its images from them."""
    images, rows = np.stack([future.result() for future in futures]), rows_of(request)
    return {name: images[np.searchsorted(rows, asked[:, 0]), asked[:, 1]] for name, asked in request.items()}, item


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Resize an HxWx3 uint8 image to size x size pixels, by area averaging if it shrinks, else bicubic."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    shrinks = min(height, width) > size
    resized: np.ndarray = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return resized
