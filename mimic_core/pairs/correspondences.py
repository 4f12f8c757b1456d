"""Patch correspondences from a homography, and the overlap they give (paper section 3, appendix C.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.homography import Homography
from mimic_core.pairs.settings import GRID, IMAGE_SIZE, PATCH_SIZE, PATCHES

OUTSIDE = PATCHES  # a target like any other in the vote
NONE = -1  # a patch without correspondence

Correspondences = NDArray[np.int16]

_ORIGIN = np.stack(np.divmod(np.arange(PATCHES), GRID)[::-1], 1) * PATCH_SIZE  # x and y of each patch's first pixel


def sample_points(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Draw ``count`` pixels in every patch, with replacement: (2, 196, count), x and y in pixels."""
    drawn = rng.integers(0, PATCH_SIZE * PATCH_SIZE, (PATCHES, count), dtype=np.int32)
    y, x = np.divmod(drawn, PATCH_SIZE)
    return np.stack([x + _ORIGIN[:, :1], y + _ORIGIN[:, 1:]]).astype(np.float64)


def target_patches(matrix: Homography, points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Patch of the other view in which each point lands: 0 to 195, or ``OUTSIDE``.

    A point with w <= 0 lies behind the other camera and is outside, wherever the division would put it.
    """
    x, y = points
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    ahead = w > 0
    scale = 1 / np.where(ahead, w, 1)
    u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) * scale
    v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) * scale
    inside = ahead & (u >= 0) & (u < IMAGE_SIZE) & (v >= 0) & (v < IMAGE_SIZE)
    column = (np.where(inside, u, 0) / PATCH_SIZE).astype(np.intp)
    row = (np.where(inside, v, 0) / PATCH_SIZE).astype(np.intp)
    return np.where(inside, row * GRID + column, OUTSIDE)


def correspondences(matrix: Homography, rng: np.random.Generator, count: int) -> Correspondences:
    """Correspondence of each patch of one view in the other: (196,) int16, -1 where it has none.

    ``count`` pixels of a patch are mapped by ``matrix`` and vote for the patch they land in. Patches choose in index
    order and a target is given away once: a patch whose target is taken has none, which rejects zoomed-in copies.
    """
    targets = target_patches(matrix, sample_points(rng, count))
    rows = np.arange(PATCHES)[:, None] * (PATCHES + 1)
    votes = np.bincount((rows + targets).ravel(), minlength=PATCHES * (PATCHES + 1)).reshape(PATCHES, PATCHES + 1)
    winners = votes.argmax(1)
    result = np.full(PATCHES, NONE, np.int16)
    chosen, first = np.unique(winners, return_index=True)  # the first patch in index order gets the target
    matched = chosen != OUTSIDE
    result[first[matched]] = chosen[matched]
    return result


def overlap(mapping: Correspondences) -> float:
    """Share of the 196 patches that have a correspondence."""
    return float((mapping != NONE).sum() / PATCHES)


def inverted(mapping: Correspondences) -> Correspondences:
    """The same one-to-one correspondences written from the other view."""
    result = np.full(PATCHES, NONE, np.int16)
    matched = np.flatnonzero(mapping != NONE)
    result[mapping[matched]] = matched
    return result
