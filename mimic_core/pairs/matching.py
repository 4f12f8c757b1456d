"""Exhaustive nearest-neighbour matching with Lowe's ratio test, as one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.features import Features


def match(first: Features, second: Features, ratio: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Match every keypoint of ``first`` to its nearest in ``second`` where that is clearly nearer than the next.

    Descriptors hold whole numbers up to 255, so every squared distance is below 2^24 and exact in float32: the
    result equals OpenCV's brute-force matcher's.

    Returns:
        Indices into ``first`` and into ``second``, one a match, by ascending index of ``first``.
    """
    if len(first) == 0 or len(second) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    squared = first.descriptors @ second.descriptors.T
    squared *= -2
    squared += first.squares[:, None]
    squared += second.squares
    rows = np.arange(len(first))
    nearest = squared.argmin(1)
    distance = squared[rows, nearest]
    squared[rows, nearest] = np.inf
    next_distance = squared.min(1)
    # OpenCV compares float32 distances, not their squares, in double precision
    keep = np.sqrt(distance).astype(np.float64) < ratio * np.sqrt(next_distance).astype(np.float64)
    return rows[keep], nearest[keep]
