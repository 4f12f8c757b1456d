"""What a dense task is made of. Each task is one file; the loop knows none of them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mimic_core.evaluation.metrics import PerImage
from mimic_core.finetune.data import DenseSplit, Samples

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Colours = Callable[[NDArray[np.float32], NDArray[np.bool_], tuple[float, float]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Task:
    """A dense task: labels, loss, metrics.

    Attributes:
        name: as in the config.
        channels: channels of the label.
        metric: name of the metric that the paper reports.
        unit: what the metric's numbers mean.
        higher: whether a higher value of ``metric`` is better.
        zoomable: the label shrinks with a zoom: an image enlarged by z shows everything z times nearer.
        mirrored: labels (C, H, W) whose left and right were swapped, to the values that they have in a mirror.
        open: opens a part (``train``, ``test`` or, where there is one, ``val``) of the dataset in a folder, by the
            files that name the images of a part where they are not the dataset's own.
        loss: (prediction, target, valid) as (B, C, H, W), (B, C, H, W), (B, 1, H, W) to a scalar.
        measure: (prediction, target, valid) as (B, C, H, W), (B, C, H, W), (B, H, W) to one value an image and metric.
        best_constant: (C,), the constant label that is best on training samples by ``metric``.
        colours: a label (C, H, W), its valid pixels and the common range to an RGB picture (H, W, 3).
        legend: the common range in words, for the picture.
    """

    name: str
    channels: int
    metric: str
    unit: str
    higher: bool
    zoomable: bool
    mirrored: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    open: Callable[[Path, str, Mapping[str, str]], DenseSplit]
    loss: Loss
    measure: Callable[[NDArray[np.floating], NDArray[np.floating], NDArray[np.bool_]], PerImage]
    best_constant: Callable[[Samples], NDArray[np.float32]]
    colours: Colours
    legend: Callable[[tuple[float, float]], str]


def pixel_weights(valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weight of every valid pixel of (N, H, W), in order, so that each image counts the same, as in the metrics."""
    counts = valid.sum(axis=(1, 2))
    return np.repeat(1.0 / np.maximum(counts, 1), counts)
