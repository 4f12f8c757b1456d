"""Surface normals on Taskonomy: L1 loss, L1 x 1000 on the [0, 1] encoding (paper, section 4.3 and appendix D)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mimic_core.evaluation.metrics import normal_metrics
from mimic_core.finetune.data import Samples
from mimic_core.finetune.layouts.taskonomy import Taskonomy
from mimic_core.finetune.task import Task, pixel_weights


def l1(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute error over channels and valid pixels, in the [0, 1] encoding (as the released MultiMAE).

    Args:
        prediction, target: (B, 3, H, W).
        valid: (B, 1, H, W) bool.
    """
    error = (prediction - target).abs() * valid
    return error.sum() / (valid.sum().clamp(min=1) * prediction.shape[1])


def mirrored(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encoded normals (3, H, W) in a mirror: what pointed to the right points to the left."""
    return np.concatenate([1 - normals[:1], normals[1:]])


def best_constant(samples: Samples) -> NDArray[np.float32]:
    """The encoded normal (3,) that minimises the mean L1 of the samples: the weighted median of each channel."""
    weights = pixel_weights(samples.valid)
    medians = []
    for channel in range(samples.target.shape[1]):
        levels = np.round(255 * samples.target[:, channel][samples.valid]).astype(np.int64)  # the PNG's own
        total = np.cumsum(np.bincount(levels, weights, minlength=256))
        medians.append(np.searchsorted(total, total[-1] / 2) / 255)
    return np.array(medians, np.float32)


def colours(normals: NDArray[np.float32], valid: NDArray[np.bool_], bounds: tuple[float, float]) -> NDArray[np.uint8]:
    """Encoded normals (3, H, W) as they are; invalid pixels are black."""
    picture = np.clip(normals.transpose(1, 2, 0), 0, 1) * 255
    return np.where(valid[:, :, None], picture.round(), 0).astype(np.uint8)


def legend(bounds: tuple[float, float]) -> str:
    """How to read the colours."""
    return "red, green, blue: x, y, z of the normal"


NORMALS = Task(
    name="normals",
    channels=3,
    metric="l1",
    unit="mean absolute error x 1000, [0, 1] encoding",
    higher=False,
    zoomable=False,
    mirrored=mirrored,
    open=Taskonomy,
    loss=l1,
    measure=normal_metrics,
    best_constant=best_constant,
    colours=colours,
    legend=legend,
)
