"""Exhaustive nearest-neighbour matching with Lowe's ratio test, accelerated by bounds in a few dimensions.

One small matrix product bounds all squared distances from below. For most keypoints, these bounds and the true
distances to the two nearest by bound prove whether the nearest neighbour passes the ratio test. For the others all true
distances are computed. The result equals that of an exhaustive search, at a third of its cost.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.features import Features, Floats

Rows = NDArray[np.intp]

SLACK = 1e-4  # relative to squared norms; over ten times the rounding error of the bounds (42 products in float32)
RATIO_SLACK = 1e-5  # the same for the ratio


class Scratch(threading.local):
    """Reusable buffers, one set per thread: allocating megabytes for each pair would cost as much as filling them."""

    def __init__(self) -> None:
        self.held: dict[str, Floats] = {}

    def take(self, name: str, rows: int, columns: int) -> Floats:
        """Return an uninitialised (rows, columns) float32 array; the next call with the same name overwrites it."""
        if name not in self.held or self.held[name].size < rows * columns:
            self.held[name] = np.empty(rows * columns, np.float32)
        return self.held[name][: rows * columns].reshape(rows, columns)


SCRATCH = Scratch()


def match(first: Features, second: Features, ratio: float) -> tuple[Rows, Rows]:
    """Match each keypoint of ``first`` to its nearest neighbour in ``second`` if that passes the ratio test.

    Descriptors are integers up to 255, so every squared distance is below 2^24 and exact in float32: the result equals
    that of OpenCV's brute-force matcher.

    Returns:
        Indices into ``first`` and into ``second``, one per match, by ascending index of ``first``.
    """
    if len(first) == 0 or len(second) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    near, next_, next_bound = nearest_by_bound(first, second)
    near_true = squared_distances(first, second, near)
    next_true = squared_distances(first, second, next_)
    # the true nearest distance is at least `lowest`, and the second nearest at most `highest`
    lowest, highest = np.minimum(near_true, next_bound), np.maximum(near_true, next_true)
    passes = near_true < ratio * ratio * (1 - RATIO_SLACK) * next_bound
    fails = lowest >= ratio * ratio * (1 + RATIO_SLACK) * highest
    undecided = np.flatnonzero(~(passes | fails))
    if len(undecided):
        near[undecided], passes[undecided] = search(first, undecided, second, ratio)
    rows = np.flatnonzero(passes)
    return rows, near[rows]


def nearest_by_bound(first: Features, second: Features) -> tuple[Rows, Rows, Floats]:
    """Return the two keypoints of ``second`` with the lowest bounds, and a lower bound for all but the first."""
    scores = SCRATCH.take("scores", len(first), len(second))
    np.matmul(first.reduced.queries, second.reduced.keys.T, out=scores)
    rows = np.arange(len(first))
    near = scores.argmax(1)
    scores[rows, near] = -np.inf
    next_ = scores.argmax(1)
    half = first.reduced.half
    slack = SLACK * (half + second.reduced.half.max())
    return near, next_, 2 * (half - scores[rows, next_]) - slack


def squared_distances(first: Features, second: Features, columns: Rows) -> Floats:
    """Return the squared distance of each keypoint of ``first`` to its partner in ``second``, given by ``columns``."""
    chosen = SCRATCH.take("chosen", len(columns), second.descriptors.shape[1])
    np.take(second.descriptors, columns, axis=0, out=chosen, mode="clip")
    squared: Floats = first.squares + second.squares[columns] - 2 * np.vecdot(first.descriptors, chosen)
    return squared


def search(first: Features, rows: Rows, second: Features, ratio: float) -> tuple[Rows, NDArray[np.bool_]]:
    """Find the nearest keypoint of ``second`` for some rows of ``first`` exhaustively, and apply the ratio test."""
    scores = SCRATCH.take("true scores", len(rows), len(second))  # (|a|^2 - squared distance) / 2
    np.matmul(first.descriptors[rows], second.descriptors.T, out=scores)
    scores -= second.squares / 2
    every = np.arange(len(rows))
    nearest = scores.argmax(1)
    highest = scores[every, nearest]
    scores[every, nearest] = -np.inf
    squares = first.squares[rows]
    squared, next_squared = squares - 2 * highest, squares - 2 * scores.max(1)
    # OpenCV compares float32 distances, not their squares, in double precision
    return nearest, np.sqrt(squared).astype(np.float64) < ratio * np.sqrt(next_squared).astype(np.float64)
