"""Masks that know the mined correspondences: how many of the hidden patches the other view shows (our own)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.models import kept_patches

HALF = 0.5 - 1e-6  # less the rounding error of a sum of areas


def matched_patches(rows: pd.DataFrame, views: np.ndarray, grid: int) -> np.ndarray:
    """Which patches of a view have a mined correspondence in the other.

    On a grid other than that of mining, a patch has one if at least half of its area is covered by patches of mining's
    that have one: at 7x7 instead of 14x14, two of its four.

    Args:
        rows: of the dataset; ``correspondences`` holds the patch of view 2 for each patch of view 1, -1 for none.
        views: (B,) the view that is meant, 0 for view 1 and 1 for view 2.
        grid: patches along one side.

    Returns:
        (B, grid**2) bool.

    Raises:
        MimicError: the rows have no correspondences.
    """
    if "correspondences" not in rows:
        raise MimicError(
            "the dataset has no patch correspondences, and matched_share asks for them",
            where="the dataset's manifest",
            remedy="set pretrain.options.matched_share to null, or use pairs that this workflow has mined",
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
    """The share of each of ``grid`` equal parts of a line that each of ``fine`` other equal parts covers: (grid, fine).

    The rows add up to 1.
    """
    edges, fine_edges = np.linspace(0, grid, grid + 1), np.linspace(0, grid, fine + 1)
    ends = np.minimum(edges[1:, None], fine_edges[1:])
    shares: np.ndarray = np.clip(ends - np.maximum(edges[:-1, None], fine_edges[:-1]), 0, None)
    return shares


def matched_noise(noise: np.ndarray, matched: np.ndarray, mask_ratio: float, share: float | None) -> np.ndarray:
    """Change noise so that a given share of the patches it hides are matched ones.

    As many patches stay visible as without it. Of the h hidden ones ``round(share * h)`` are matched; where there are
    too few matched patches, all of them are hidden, and where there are too few others, all of those. Which ones of
    either group are hidden is left to the noise, so that all subsets of it are equally likely.

    Args:
        noise: (B, N) uniform draws in 0 to 1, one a patch; the patches of the smallest stay visible.
        matched: (B, N) bool.
        mask_ratio: share of the patches to hide, 0 to 1.
        share: share of the hidden patches that are matched, 0 to 1; None: the noise stays as it is.

    Returns:
        (B, N) of the same type, in 0 to 1: halved where a patch stays visible, in the upper half where it is hidden.
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
