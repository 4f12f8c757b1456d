"""Exhaustive nearest-neighbour matching with Lowe's ratio test, decided in a few dimensions wherever that is enough.

All squared distances are bounded from below by one small matrix product. For most keypoints the bounds, and the true
distances to the two that look nearest, prove whether the nearest neighbour passes the ratio test; for the few that
are left, all true distances are computed. So the result is that of an exhaustive search, at a third of its cost.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.features import Features, Floats

Rows = NDArray[np.intp]

SLACK = 1e-4  # of the squared lengths: over ten times the rounding error of the bounds (42 products in float32)
CAREFUL = 1e-5  # the same for the ratio


class Scratch(threading.local):
    """Memory that is used again and again: fresh megabytes for each pair would cost as much as filling them."""

    def __init__(self) -> None:
        self.held: dict[str, Floats] = {}

    def take(self, name: str, rows: int, columns: int) -> Floats:
        """A (rows, columns) float32 array with any content; the next of the same name overwrites it."""
        if name not in self.held or self.held[name].size < rows * columns:
            self.held[name] = np.empty(rows * columns, np.float32)
        return self.held[name][: rows * columns].reshape(rows, columns)


SCRATCH = Scratch()


def match(first: Features, second: Features, ratio: float) -> tuple[Rows, Rows]:
    """Match every keypoint of ``first`` to its nearest in ``second`` where that is clearly nearer than the next.

    Descriptors hold whole numbers up to 255, so every squared distance is below 2^24 and exact in float32: the
    result equals OpenCV's brute-force matcher's.

    Returns:
        Indices into ``first`` and into ``second``, one a match, by ascending index of ``first``.
    """
    if len(first) == 0 or len(second) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    near, next_, next_bound = look_nearest(first, second)
    near_true = squared_distances(first, second, near)
    next_true = squared_distances(first, second, next_)
    # the nearest of all is no nearer than `lowest`, and the next no farther than `highest`
    lowest, highest = np.minimum(near_true, next_bound), np.maximum(near_true, next_true)
    passes = near_true < ratio * ratio * (1 - CAREFUL) * next_bound
    fails = lowest >= ratio * ratio * (1 + CAREFUL) * highest
    open_ = np.flatnonzero(~(passes | fails))
    if len(open_):
        near[open_], passes[open_] = search(first, open_, second, ratio)
    rows = np.flatnonzero(passes)
    return rows, near[rows]


def look_nearest(first: Features, second: Features) -> tuple[Rows, Rows, Floats]:
    """The two keypoints of ``second`` with the lowest bounds, and a bound on all but the first of them."""
    scores = SCRATCH.take("scores", len(first), len(second))
    np.matmul(first.reduced.asking, second.reduced.answering.T, out=scores)
    rows = np.arange(len(first))
    near = scores.argmax(1)
    scores[rows, near] = -np.inf
    next_ = scores.argmax(1)
    half = first.reduced.half
    slack = SLACK * (half + second.reduced.half.max())
    return near, next_, 2 * (half - scores[rows, next_]) - slack


def squared_distances(first: Features, second: Features, columns: Rows) -> Floats:
    """Squared distance of each keypoint of ``first`` to the one of ``second`` that ``columns`` names for it."""
    chosen = SCRATCH.take("chosen", len(columns), second.descriptors.shape[1])
    np.take(second.descriptors, columns, axis=0, out=chosen, mode="clip")
    squared: Floats = first.squares + second.squares[columns] - 2 * np.vecdot(first.descriptors, chosen)
    return squared


def search(first: Features, rows: Rows, second: Features, ratio: float) -> tuple[Rows, NDArray[np.bool_]]:
    """Nearest keypoint of ``second`` for some of ``first`` by all true distances, and whether it passes the test."""
    scores = SCRATCH.take("true scores", len(rows), len(second))  # half of what the second adds to a squared distance
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
