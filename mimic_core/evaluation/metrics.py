"""Metrics of the dense tasks, one value per image.

They take batches of images with a mask of the valid pixels, and return float64 arrays (B,), NaN for an image without
a valid pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]
PerImage = dict[str, NDArray[np.float64]]

DELTA = 1.25  # largest ratio between predicted and true depth that counts as correct (Eigen et al. 2014)
NEAREST = 1e-3  # metres; predicted depths are clamped to at least this, so that ratios and logarithms are finite


def masked_mean(values: Floats | Mask, valid: Mask) -> NDArray[np.float64]:
    """Average (B, ...) values over the valid entries of each image: (B,), NaN where there is none."""
    axes = tuple(range(1, values.ndim))
    total = np.where(valid, values, 0).sum(axis=axes, dtype=np.float64)
    count = valid.sum(axis=axes)
    means: NDArray[np.float64] = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return means


def depth_metrics(prediction: Floats, target: Floats, valid: Mask) -> PerImage:
    """Compute the usual errors of metric depth (Eigen et al. 2014), as reported for NYUv2.

    Args:
        prediction: (B, H, W) metres.
        target: (B, H, W) metres, above 0 where valid.
        valid: (B, H, W), the pixels to evaluate.

    Returns:
        ``delta1``, ``delta2``, ``delta3``: percent of pixels whose ratio to the truth (the larger of p/t and t/p) is
        under 1.25, 1.25^2, 1.25^3 (the paper's NYUv2 metric is delta1); ``rmse`` (metres); ``rel`` and ``srel``: mean
        absolute and squared error divided by the true depth; ``log10``: mean absolute difference of logarithms.
    """
    truth = np.where(valid, target, 1.0).astype(np.float64)
    guess = np.where(valid, np.maximum(prediction, NEAREST), 1.0).astype(np.float64)
    error = guess - truth
    ratio = np.maximum(guess / truth, truth / guess)
    metrics = {f"delta{power}": 100 * masked_mean(ratio < DELTA**power, valid) for power in (1, 2, 3)}
    metrics["rmse"] = np.sqrt(masked_mean(error**2, valid))
    metrics["rel"] = masked_mean(np.abs(error) / truth, valid)
    metrics["srel"] = masked_mean(error**2 / truth, valid)
    metrics["log10"] = masked_mean(np.abs(np.log10(ratio)), valid)
    return metrics


def normal_metrics(prediction: Floats, target: Floats, valid: Mask) -> PerImage:
    """Compute the errors of surface normals in the [0, 1] encoding n * 0.5 + 0.5.

    The paper's Taskonomy figures are L1 x 1000 on this encoding: the released MultiMAE divides the PNG's values by
    255, and neither decodes nor normalises them.

    Args:
        prediction: (B, 3, H, W), nominally in [0, 1].
        target: (B, 3, H, W) in [0, 1].
        valid: (B, H, W), the pixels to evaluate.

    Returns:
        ``l1``: mean absolute difference over pixels and channels, times 1000; ``angle``: mean angle, degrees.
    """
    difference = np.abs(prediction.astype(np.float64) - target).mean(axis=1)
    guess, truth = (2.0 * normals.astype(np.float64) - 1.0 for normals in (prediction, target))
    lengths = np.linalg.norm(guess, axis=1) * np.linalg.norm(truth, axis=1)
    cosine = np.divide((guess * truth).sum(axis=1), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return {"l1": 1000 * masked_mean(difference, valid), "angle": masked_mean(angle, valid)}


def pixel_weights(valid: Mask) -> NDArray[np.float64]:
    """Return a weight for each valid pixel of (B, H, W), in order, so that images count equally, as in the metrics."""
    counts = valid.sum(axis=(1, 2))
    return np.repeat(1.0 / np.maximum(counts, 1), counts)
