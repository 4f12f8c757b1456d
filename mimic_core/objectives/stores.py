"""Where training takes its data from: the interface of a store, and the store of images."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
import pandas as pd

from mimic_core.kit.progress import track

log = logging.getLogger("mimic")

Arrays = Mapping[str, np.ndarray]  # name -> one row per sample
Request = Arrays  # name -> one row per sample for the store to read, such as a pair and which of its views
Item = TypeVar("Item")

AHEAD = 3  # batches decoded ahead of the one in use


class Items(Protocol):
    """The dataset interface that pretraining needs, implemented by the classes of :mod:`mimic_core.datasets`.

    ``dataset[i]`` is called from several threads at once.
    """

    @property
    def rows(self) -> pd.DataFrame:
        """One row per item; the columns ``key``, ``source`` and ``unit`` are used."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any:
        """Return the content of an item; what it is, the objective's store knows."""


class Store(Protocol):
    """The data of an objective: turns its requests into arrays, in the background."""

    def stream(self, requests: Iterable[tuple[Request, Item]]) -> Iterator[tuple[Arrays, Item]]:
        """Yield the arrays for each request, with the item that came with it, in order."""

    def close(self) -> None:
        """Stop all threads."""


class ImageStore:
    """Square images of a dataset, cached in memory if they fit, otherwise decoded on demand.

    Args:
        dataset: each item is a tuple of images (HxWx3 uint8 RGB), the same number in all items, such as the two of a
            pair, followed by the item's row.
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
