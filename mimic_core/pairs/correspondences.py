"""Patch correspondences from a homography, and the overlap they give (paper section 3, appendix C.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.homography import Homography
from mimic_core.pairs.settings import GRID, PATCH_SIZE, PATCHES

OUTSIDE = PATCHES  # a target like any other in the vote
NO_PATCH = -1  # a patch without correspondence
LARGEST_WORD = 2**64 - 1
MARGIN = 1e-3  # patches: over ten times the rounding error of a mapped corner

Correspondences = NDArray[np.int16]
Points = NDArray[np.float32]

_LEFT, _TOP = (np.stack(np.divmod(np.arange(PATCHES), GRID)[::-1]) * PATCH_SIZE).astype(np.float32)[:, :, None]
_CORNERS = np.ones((3, 4, PATCHES), np.float32)  # the outermost pixels of each patch
_CORNERS[0] = _LEFT.T + np.array([[0], [15], [0], [15]])
_CORNERS[1] = _TOP.T + np.array([[0], [0], [15], [15]])
_TO_PATCHES = np.diag([1 / PATCH_SIZE, 1 / PATCH_SIZE, 1.0])  # from pixels to columns and rows of patches


def sample_points(rng: np.random.Generator, count: int, patches: slice | NDArray[np.intp] = slice(None)) -> Points:
    """Draw ``count`` pixels in every patch, with replacement: (3, 196, count), x and y in pixels, and 1.

    A patch has 256 pixels, so a random byte is a random pixel: its low half the column, its high half the row.

    Args:
        patches: those that are wanted; the draw of a patch does not depend on the others.
    """
    words = rng.integers(0, LARGEST_WORD, -(-PATCHES * count // 8), dtype=np.uint64, endpoint=True)  # 8 bytes a draw
    drawn = words.astype("<u8").view(np.uint8)[: PATCHES * count].reshape(PATCHES, count)[patches]
    points = np.empty((3, *drawn.shape), np.float32)
    np.add(drawn & 15, _LEFT[patches], out=points[0])
    np.add(drawn >> 4, _TOP[patches], out=points[1])
    points[2] = 1
    return points


def mapped(matrix: Homography, points: Points) -> tuple[Points, Points, Points]:
    """Column and row of patches, as fractions, where (3, N, M) points land in the other view, and their w: (N, M)."""
    x, y, w = np.dot((_TO_PATCHES @ matrix).astype(np.float32), points.reshape(3, -1)).reshape(points.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 1 / w
        return x * scale, y * scale, w


def target_patches(matrix: Homography, points: Points) -> NDArray[np.intp]:
    """Patch of the other view in which each of the (3, N, M) points lands: (N, M), 0 to 195, or ``OUTSIDE``.

    A point with w <= 0 lies behind the other camera and is outside, wherever the division would put it.
    """
    x, y, w = mapped(matrix, points)
    inside = (w > 0) & (x >= 0) & (x < GRID) & (y >= 0) & (y < GRID)
    with np.errstate(invalid="ignore"):
        return np.where(inside, y.astype(np.int32) * GRID + x.astype(np.int32), OUTSIDE).astype(np.intp)


def reachable(matrix: Homography) -> NDArray[np.intp]:
    """Patches that may have a point inside the other view: not those whose four corners prove that none has.

    Where w > 0 at all corners a patch maps into the hull of its mapped corners; where w <= 0 at all, nowhere.
    """
    x, y, w = mapped(matrix, _CORNERS)
    with np.errstate(invalid="ignore"):
        beside = (x.max(0) < -MARGIN) | (x.min(0) > GRID + MARGIN) | (y.max(0) < -MARGIN) | (y.min(0) > GRID + MARGIN)
    return np.flatnonzero(~(beside & (w.min(0) > 0)) & (w.max(0) > 0))


def correspondences(matrix: Homography, rng: np.random.Generator, count: int) -> Correspondences:
    """Correspondence of each patch of one view in the other: (196,) int16, -1 where it has none.

    ``count`` pixels of a patch are mapped by ``matrix`` and vote for the patch they land in. Patches choose in index
    order and a target is given away once: a patch whose target is taken has none, which rejects zoomed-in copies.
    """
    patches = reachable(matrix)
    targets = target_patches(matrix, sample_points(rng, count, patches))
    targets += np.arange(len(patches))[:, None] * (PATCHES + 1)
    votes = np.bincount(targets.ravel(), minlength=len(patches) * (PATCHES + 1)).reshape(-1, PATCHES + 1)
    chosen, first = np.unique(votes.argmax(1), return_index=True)  # the first patch in index order gets the target
    matched = chosen != OUTSIDE
    result = np.full(PATCHES, NO_PATCH, np.int16)
    result[patches[first[matched]]] = chosen[matched]
    return result


def overlap(mapping: Correspondences) -> float:
    """Share of the 196 patches that have a correspondence."""
    return float((mapping != NO_PATCH).sum() / PATCHES)


def inverted(mapping: Correspondences) -> Correspondences:
    """The same one-to-one correspondences written from the other view."""
    result = np.full(PATCHES, NO_PATCH, np.int16)
    matched = np.flatnonzero(mapping != NO_PATCH)
    result[mapping[matched]] = matched
    return result
