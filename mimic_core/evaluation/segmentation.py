"""Metrics of semantic segmentation (mean intersection over union and accuracies), from per-image counts.

The counts of a test set are the sum of its images' counts, so they give the metrics of any resampled test set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IGNORED = 255  # label of a pixel that is not evaluated
KINDS = ("intersection", "predicted", "true")  # pixel counts kept for each class

Counts = NDArray[np.int64]


def confusion_counts(prediction: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> Counts:
    """Count the labelled pixels of one image by class.

    Args:
        prediction: (H, W), classes 0 to ``classes`` - 1.
        truth: (H, W), classes or :data:`IGNORED`.
        classes: number of classes.

    Returns:
        (3, classes): pixels correctly predicted as the class, all pixels predicted as it, all pixels that belong to it.
    """
    known = truth != IGNORED
    guess, right = prediction[known].astype(np.int64), truth[known].astype(np.int64)
    parts = (guess[guess == right], guess, right)
    return np.stack([np.bincount(part, minlength=classes) for part in parts])


def segmentation_metrics(counts: Counts) -> dict[str, float]:
    """Compute the metrics of a test set, as MMSegmentation's ``IoUMetric`` (without its rounding).

    Args:
        counts: (3, classes), the sum of :func:`confusion_counts` over the images.

    Returns:
        Percent. ``miou``: intersection over union, averaged over the classes in truth or prediction; ``macc``: share of
        a class's pixels that are correct, averaged over the classes in the truth; ``aacc``: share of all pixels that
        are correct. NaN if no class occurs.
    """
    intersection, predicted, true = counts.astype(np.float64)
    union = predicted + true - intersection
    return {
        "miou": mean_ratio(intersection, union),
        "macc": mean_ratio(intersection, true),
        "aacc": mean_ratio(intersection.sum(keepdims=True), true.sum(keepdims=True)),
    }


def mean_ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    """Average ``part / whole`` in percent over the entries whose ``whole`` is above 0; NaN if there is none."""
    occurs = whole > 0
    return float(100 * (part[occurs] / whole[occurs]).mean()) if occurs.any() else float("nan")


def drawn_counts(counts: Counts, rows: NDArray[np.int64]) -> Counts:
    """Sum ``counts`` (N, 3, classes) over the images ``rows``, each as often as it occurs: (3, classes)."""
    times = np.bincount(rows, minlength=len(counts))
    return np.tensordot(times, counts, axes=1)


def pack_counts(counts: Counts) -> dict[str, list[list[int]]]:
    """Pack counts (N, 3, classes) for JSON: the classes that occur in each image, and their counts by kind."""
    present = [np.flatnonzero(image[1:].any(axis=0)) for image in counts]
    packed = {"classes": [classes.tolist() for classes in present]}
    for place, kind in enumerate(KINDS):
        packed[kind] = [image[place, classes].tolist() for image, classes in zip(counts, present, strict=True)]
    return packed


def unpack_counts(packed: Mapping[str, Sequence[Sequence[Any]]], classes: int) -> Counts:
    """Invert :func:`pack_counts`."""
    counts = np.zeros((len(packed["classes"]), len(KINDS), classes), np.int64)
    for row, present in enumerate(packed["classes"]):
        for place, kind in enumerate(KINDS):
            counts[row, place, np.asarray(present, np.int64)] = packed[kind][row]
    return counts
