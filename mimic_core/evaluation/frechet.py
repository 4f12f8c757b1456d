"""The Frechet distance between two sets of feature vectors, each taken as a Gaussian (Heusel et al., 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.kit.errors import MimicError

LEAST = 2  # vectors of which there is a covariance


def frechet_distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Squared distance of the means plus trace(S1 + S2 - 2 (S1 S2)^(1/2)), with S the unbiased covariances.

    With S = A'A of a centred set A, the trace of that root is the sum of the singular values of A1 A2'. No root of a
    covariance is taken, so rounding stays rounding where a covariance is singular: fewer vectors than features.

    Args:
        one: (N, D) features, computed in float64.
        other: (M, D) features.

    Returns:
        The distance, 0 or more, in squared units of the features.

    Raises:
        MimicError: a set of fewer than two vectors, other sizes, or a value that is not finite.
    """
    one, other = one.astype(np.float64), other.astype(np.float64)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise MimicError(f"features of shapes {one.shape} and {other.shape}", remedy="give two sets of (N, D)")
    if min(len(one), len(other)) < LEAST:
        what = f"there are {len(one)} and {len(other)} images"
        raise MimicError(what, remedy=f"a Frechet distance needs {LEAST} or more of each")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise MimicError("a feature is not finite", remedy="check the images and the weights of the encoder")
    shift = one.mean(axis=0) - other.mean(axis=0)
    first, second = root(one), root(other)
    common = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    distance = shift @ shift + np.square(first).sum() + np.square(second).sum() - 2 * common
    return max(float(distance), 0.0)


def root(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """(K, D) matrix A of which A'A is the covariance of (N, D) features; K is the smaller of N and D."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r") if len(features) > features.shape[1] else centred)
