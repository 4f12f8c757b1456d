"""Masking by mined correspondences: control how many masked patches have a match in the other view (our addition)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.models import kept_patches

HALF = 0.5 - 1e-6  # tolerates rounding errors in a sum of areas


def matched_patches(rows: pd.DataFrame, views: np.ndarray, grid: int) -> np.ndarray:
    """Return which patches of a view have a mined correspondence in the other view.

    On a grid other than the mining grid, a patch counts as matched if matched mining patches cover at least half of its
    area: on a 7x7 instead of a 14x14 grid, two of its four.

    Args:
        rows: rows of the dataset; ``correspondences`` holds the patch of view 2 for each patch of view 1, or -1.
        views: (B,) the view in question, 0 for view 1 and 1 for view 2.
        grid: patches along one side.

    Returns:
        (B, grid**2) bool.

    Raises:
        MimicError: the rows have no correspondences.
    """
    if "correspondences" not in rows:
        raise MimicError(
            "the dataset has no patch correspondences, which matched_share needs",
            where="the dataset's manifest",
            remedy="set pretrain.options.matched_share to null, or use pairs mined by this workflow",
        )
    if not len(rows):
        return np.zeros((0, grid**2), dtype=bool)
    targets = np.stack([np.asarray(targets) for targets in rows["correspondences"]])
    found = targets >= 0
    reached = np.zeros_like(found)
    pair, patch = np.nonzero(found)
    reached[pair, targets[pair, patch]] = True
    matched = np.where(views[:, None] == 0, found, reached)
    fine = math.isqrt(matched.shape[1])
    if fine == grid:
        return matched
    covers = coverage(grid, fine)
    coarser: np.ndarray = (covers @ matched.reshape(-1, fine, fine) @ covers.T >= HALF).reshape(-1, grid**2)
    return coarser


def coverage(grid: int, fine: int) -> np.ndarray:
    """Split a line into ``grid`` and into ``fine`` equal parts; return how much of the former the latter cover.

    Returns:
        (grid, fine) shares; each row sums to 1.
    """
    edges, fine_edges = np.linspace(0, grid, grid + 1), np.linspace(0, grid, fine + 1)
    ends = np.minimum(edges[1:, None], fine_edges[1:])
    shares: np.ndarray = np.clip(ends - np.maximum(edges[:-1, None], fine_edges[:-1]), 0, None)
    return shares


def matched_noise(noise: np.ndarray, matched: np.ndarray, mask_ratio: float, share: float | None) -> np.ndarray:
    """Change masking noise so that a given share of the masked patches are matched ones.

    The number of visible patches does not change. Of the h masked patches ``round(share * h)`` are matched; if there
    are too few matched (or unmatched) patches, all of them are masked. The noise decides which patches of each group
    are masked, so all subsets of a group are equally likely.

    Args:
        noise: (B, N) uniform draws from 0 to 1, one per patch; the patches with the smallest stay visible.
        matched: (B, N) bool.
        mask_ratio: share of the patches to mask, 0 to 1.
        share: share of the masked patches that are matched, 0 to 1; None: the noise is returned unchanged.

    Returns:
        (B, N) of the same type, from 0 to 1: below 0.5 where a patch stays visible, from 0.5 up where it is masked.
    """
    if share is None:
        return noise
    patches = noise.shape[1]
    hidden = patches - kept_patches(patches, mask_ratio)
    available = matched.sum(axis=1)
    wanted = np.clip(round(share * hidden), hidden - (patches - available), np.minimum(hidden, available))
    counts = np.where(matched, wanted[:, None], hidden - wanted[:, None])
    hide = np.zeros(noise.shape, dtype=bool)
    for group in (matched, ~matched):
        order = np.argsort(np.where(group, -noise, np.inf), axis=1, kind="stable")  # the largest of the group first
        ranks = np.argsort(order, axis=1)
        hide |= group & (ranks < counts)
    return np.where(hide, noise / 2 + 0.5, noise / 2).astype(noise.dtype)
