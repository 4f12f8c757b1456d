"""Compute patch correspondences and overlap from a homography (paper section 3, appendix C.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.homography import Homography
from mimic_core.pairs.settings import GRID, PATCH_SIZE, PATCHES

OUTSIDE = PATCHES  # voting target of points that land outside the other view
NO_PATCH = -1  # marks a patch without correspondence
LARGEST_WORD = 2**64 - 1
MARGIN = 1e-3  # in patches; over ten times the rounding error of a mapped corner

Correspondences = NDArray[np.int16]
Points = NDArray[np.float32]

_LEFT, _TOP = (np.stack(np.divmod(np.arange(PATCHES), GRID)[::-1]) * PATCH_SIZE).astype(np.float32)[:, :, None]
_CORNERS = np.ones((3, 4, PATCHES), np.float32)  # the outermost pixels of each patch
_CORNERS[0] = _LEFT.T + np.array([[0], [15], [0], [15]])
_CORNERS[1] = _TOP.T + np.array([[0], [0], [15], [15]])
_TO_PATCHES = np.diag([1 / PATCH_SIZE, 1 / PATCH_SIZE, 1.0])  # from pixels to columns and rows of patches


def sample_points(rng: np.random.Generator, count: int, patches: slice | NDArray[np.intp] = slice(None)) -> Points:
    """Draw ``count`` pixels in every patch, with replacement, as homogeneous pixel coordinates (3, 196, count).

    A patch has 256 pixels, so a random byte selects a pixel: low half for the column, high half for the row.

    Args:
        patches: patches to return; the pixels drawn in a patch do not depend on the selection.
    """
    words = rng.integers(0, LARGEST_WORD, -(-PATCHES * count // 8), dtype=np.uint64, endpoint=True)  # 8 bytes each
    drawn = words.astype("<u8").view(np.uint8)[: PATCHES * count].reshape(PATCHES, count)[patches]
    points = np.empty((3, *drawn.shape), np.float32)
    np.add(drawn & 15, _LEFT[patches], out=points[0])
    np.add(drawn >> 4, _TOP[patches], out=points[1])
    points[2] = 1
    return points


def mapped(matrix: Homography, points: Points) -> tuple[Points, Points, Points]:
    """Map points (3, N, M) to the other view; return their patch column and row as fractions, and their w: (N, M)."""
    x, y, w = np.dot((_TO_PATCHES @ matrix).astype(np.float32), points.reshape(3, -1)).reshape(points.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 1 / w
        return x * scale, y * scale, w


def target_patches(matrix: Homography, points: Points) -> NDArray[np.intp]:
    """Return the patch of the other view in which each point (3, N, M) lands: (N, M), 0 to 195, or ``OUTSIDE``.

    A point with w <= 0 lies behind the other camera and counts as outside.
    """
    x, y, w = mapped(matrix, points)
    inside = (w > 0) & (x >= 0) & (x < GRID) & (y >= 0) & (y < GRID)
    with np.errstate(invalid="ignore"):
        return np.where(inside, y.astype(np.int32) * GRID + x.astype(np.int32), OUTSIDE).astype(np.intp)


def reachable(matrix: Homography) -> NDArray[np.intp]:
    """Return the patches that may have a point inside the other view, judged by their four corners.

    If w > 0 at all corners, a patch maps into the convex hull of its mapped corners. If w <= 0 at all corners, no point
    of it is visible.
    """
    x, y, w = mapped(matrix, _CORNERS)
    with np.errstate(invalid="ignore"):
        beside = (x.max(0) < -MARGIN) | (x.min(0) > GRID + MARGIN) | (y.max(0) < -MARGIN) | (y.min(0) > GRID + MARGIN)
    return np.flatnonzero(~(beside & (w.min(0) > 0)) & (w.max(0) > 0))


def correspondences(matrix: Homography, rng: np.random.Generator, count: int) -> Correspondences:
    """Return the corresponding patch in the other view for each patch of a view: (196,) int16, -1 for none.

    ``count`` pixels of each patch are mapped by ``matrix`` and vote for the patch they land in. Each target is assigned
    only once, in index order; later patches that chose it get none, which rejects zoomed-in copies.
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
    """Return the share of the 196 patches that have a correspondence."""
    return float((mapping != NO_PATCH).sum() / PATCHES)


def inverted(mapping: Correspondences) -> Correspondences:
    """Invert one-to-one correspondences: index them by the patches of the other view."""
    result = np.full(PATCHES, NO_PATCH, np.int16)
    matched = np.flatnonzero(mapping != NO_PATCH)
    result[mapping[matched]] = matched
    return result
