"""Surface normals on Taskonomy: L1 loss, L1 x 1000 on the [0, 1] encoding (paper, section 4.3 and appendix D)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mimic_core.finetune.tasks.base import DenseTask, Metric

if TYPE_CHECKING:
    from mimic_core.finetune.layouts import Taskonomy
    from mimic_core.finetune.tasks.base import Label, Mask, Numbers, PerImage, Picture, Range, Samples, Tensor


class Normals(DenseTask):
    """Surface normal of every pixel, a normal n encoded as n * 0.5 + 0.5."""

    name = "normals"
    dataset = "Taskonomy"
    layout = "taskonomy"
    metrics = (Metric("l1", "normals L1", "x1000", higher=False),)
    unit = "mean absolute error x 1000, [0, 1] encoding"
    tables = (1, 3)
    minutes = 1440
    sample_images = "normal_images"
    channels = 3

    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> Taskonomy:
        """Open a part of Taskonomy's normals."""
        from mimic_core.finetune.layouts import Taskonomy

        return Taskonomy(root, part, splits)

    def evaluation_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Return the files of the test images."""
        split = self.open(root, "test", splits)
        return [split.rgb(row) for row in range(len(split))]

    def loss(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Compute the mean absolute error over channels and valid pixels, in the [0, 1] encoding (as in MultiMAE).

        Args:
            prediction, target: (B, 3, H, W).
            valid: (B, 1, H, W) bool.
        """
        error = (prediction - target).abs() * valid
        return error.sum() / (valid.sum().clamp(min=1) * prediction.shape[1])

    def mirrored(self, label: Label) -> Label:
        """Negate the x component of flipped normals (3, H, W): what pointed right points left."""
        import numpy as np

        return np.concatenate([1 - label[:1], label[1:]])

    def measure(self, prediction: Numbers, target: Numbers, valid: Mask) -> PerImage:
        """:func:`mimic_core.evaluation.normal_metrics`."""
        from mimic_core.evaluation import normal_metrics

        return normal_metrics(prediction, target, valid)

    def best_constant(self, samples: Samples) -> Label:
        """Return the encoded normal (3,) that minimises the samples' mean L1: each channel's weighted median."""
        import numpy as np

        from mimic_core.evaluation import pixel_weights

        weights = pixel_weights(samples.valid)
        medians = []
        for channel in range(samples.target.shape[1]):
            levels = np.round(255 * samples.target[:, channel][samples.valid]).astype(np.int64)  # the PNG's values
            total = np.cumsum(np.bincount(levels, weights, minlength=256))
            medians.append(np.searchsorted(total, total[-1] / 2) / 255)
        return np.array(medians, np.float32)

    def colours(self, label: Label, valid: Mask, bounds: Range) -> Picture:
        """Draw encoded normals (3, H, W) as colours; invalid pixels are black."""
        import numpy as np

        picture = np.clip(label.transpose(1, 2, 0), 0, 1) * 255
        return np.where(valid[:, :, None], picture.round(), 0).astype(np.uint8)

    def legend(self, bounds: Range) -> str:
        """Explain how to read the colours."""
        return "red, green, blue: x, y, z of the normal"
