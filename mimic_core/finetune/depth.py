"""Metric depth on NYUv2: reverse Huber loss, delta1 in percent (paper, section 4.3 and appendix D)."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimic_core.evaluation.metrics import DELTA, NEAREST, PerImage, depth_metrics
from mimic_core.finetune.data import Samples
from mimic_core.finetune.layouts.nyuv2 import open_nyuv2
from mimic_core.finetune.task import Task, pixel_weights

THRESHOLD = 0.2  # of the largest error of the batch (Laina et al. 2016)


def reverse_huber(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean reverse Huber loss over the valid pixels (Laina et al. 2016; as the released MultiMAE).

    With c a fifth of the batch's largest absolute error, an error e costs |e| up to c and (e^2 + c^2) / 2c beyond;
    the two meet at c with the same slope.

    Args:
        prediction, target: (B, 1, H, W) metres.
        valid: (B, 1, H, W) bool.
    """
    error = torch.where(valid, (prediction - target).abs(), 0.0)
    c = (THRESHOLD * error.detach().max()).clamp(min=1e-5)
    cost = torch.where(error <= c, error, (error.square() + c * c) / (2 * c))
    return cost.sum() / valid.sum().clamp(min=1)


def measure(prediction: NDArray[np.floating], target: NDArray[np.floating], valid: NDArray[np.bool_]) -> PerImage:
    """:func:`depth_metrics` of (B, 1, H, W) maps."""
    return depth_metrics(prediction[:, 0], target[:, 0], valid)


def best_constant(samples: Samples) -> NDArray[np.float32]:
    """The depth (1,), in metres, that maximises the mean delta1 of the samples.

    A constant c is right where t / 1.25 < c < 1.25 t, so on a logarithmic axis the best one is the middle of the
    heaviest window of width 2 log 1.25; windows that start at a true depth are all that need a look.
    """
    depths = np.log(samples.target[:, 0][samples.valid].astype(np.float64))
    order = np.argsort(depths, kind="stable")
    depths, weights = depths[order], pixel_weights(samples.valid)[order]
    total = np.concatenate([[0.0], np.cumsum(weights)])
    ends = np.searchsorted(depths, depths + 2 * np.log(DELTA) * (1 - 1e-6), side="left")
    start = int(np.argmax(total[ends] - total[:-1]))
    return np.exp([(depths[start] + depths[ends[start] - 1]) / 2]).astype(np.float32)


def colours(depth: NDArray[np.float32], valid: NDArray[np.bool_], bounds: tuple[float, float]) -> NDArray[np.uint8]:
    """Depth (1, H, W) in metres on the TURBO colour map, from near (blue) to far (red); invalid pixels are grey.

    The scale is logarithmic, as delta1 is: equal ratios look equally different.
    """
    near, far, shown = (np.log(np.maximum(value, NEAREST)) for value in (*bounds, depth[0]))
    scaled = np.clip((shown - near) / max(far - near, NEAREST), 0, 1)
    picture = cv2.applyColorMap((scaled * 255).round().astype(np.uint8), cv2.COLORMAP_TURBO)[:, :, ::-1]
    return np.where(valid[:, :, None], picture, 128).astype(np.uint8)


def legend(bounds: tuple[float, float]) -> str:
    """The range of the colours."""
    return f"blue {bounds[0]:.1f} m to red {bounds[1]:.1f} m (logarithmic)"


DEPTH = Task(
    name="depth",
    channels=1,
    metric="delta1",
    unit="percent",
    higher=True,
    zoomable=True,
    mirrored=lambda depth: depth,
    open=open_nyuv2,
    loss=reverse_huber,
    measure=measure,
    best_constant=best_constant,
    colours=colours,
    legend=legend,
)
