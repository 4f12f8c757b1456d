"""Frechet distance between two sets of feature vectors, each modelled as a Gaussian (Heusel et al., 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.kit.errors import MimicError

MIN_VECTORS = 2  # fewer have no covariance


def frechet_distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return the squared distance of the means plus trace(S1 + S2 - 2 (S1 S2)^(1/2)), S the unbiased covariances.

    With S = A'A for the centred vectors A, the trace of that root is the sum of the singular values of A1 A2'. This
    avoids the root of a covariance, which is inaccurate if it is singular (fewer vectors than features).

    Args:
        one: (N, D) features; the computation is in float64.
        other: (M, D) features.

    Returns:
        The distance, 0 or more, in squared units of the features.

    Raises:
        MimicError: a set has fewer than two vectors, the widths differ, or a value is not finite.
    """
    one, other = one.astype(np.float64), other.astype(np.float64)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise MimicError(f"the features have shapes {one.shape} and {other.shape}", remedy="give (N, D) and (M, D)")
    if min(len(one), len(other)) < MIN_VECTORS:
        what = f"there are {len(one)} and {len(other)} images for a Frechet distance"
        raise MimicError(what, remedy=f"give at least {MIN_VECTORS} of each")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise MimicError("a feature is not finite", remedy="check the images and the weights of the encoder")
    shift = one.mean(axis=0) - other.mean(axis=0)
    first, second = root(one), root(other)
    common = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    distance = shift @ shift + np.square(first).sum() + np.square(second).sum() - 2 * common
    return max(float(distance), 0.0)


def root(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a (K, D) matrix A such that A'A is the covariance of (N, D) features, with K = min(N, D)."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r") if len(features) > features.shape[1] else centred)
