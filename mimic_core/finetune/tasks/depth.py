"""Metric depth on NYUv2: reverse Huber loss, delta1 in percent (paper, section 4.3 and appendix D)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mimic_core.finetune.tasks.base import DenseTask, Metric

if TYPE_CHECKING:
    from mimic_core.finetune.layouts import NYUv2
    from mimic_core.finetune.tasks.base import Label, Mask, Numbers, PerImage, Picture, Range, Samples, Tensor

THRESHOLD = 0.2  # share of the batch's largest error, where the loss turns quadratic (Laina et al. 2016)


class Depth(DenseTask):
    """Depth of every pixel, in metres."""

    name = "depth"
    dataset = "NYUv2"
    layout = "nyuv2"
    metrics = (Metric("delta1", "depth delta1"),)
    tables = (1, 3)
    minutes = 2400
    sample_images = "depth_images"
    channels = 1
    zoomable = True

    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> NYUv2:
        """Open a part of NYUv2, which has its own split file."""
        from mimic_core.finetune.layouts.nyuv2 import open_nyuv2

        return open_nyuv2(root, part, splits)

    def evaluation_images(self, root: Path, splits: Mapping[str, str], size: int) -> Iterator[tuple[str, Picture]]:
        """Yield name and picture, squashed to (size, size, 3), of every test image; one file holds them all."""
        from mimic_core.finetune.data import CHUNK

        split = self.open(root, "test", {})
        for start in range(0, len(split), CHUNK):
            rows = range(start, min(start + CHUNK, len(split)))
            yield from zip(map(split.name, rows), split.load(rows, size).images, strict=True)

    def loss(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Compute the mean reverse Huber loss over the valid pixels (Laina et al. 2016; as in MultiMAE).

        With c a fifth of the batch's largest absolute error, an error e costs |e| up to c and (e^2 + c^2) / 2c beyond;
        the two meet at c with the same slope.

        Args:
            prediction, target: (B, 1, H, W) metres.
            valid: (B, 1, H, W) bool.
        """
        error = (prediction - target).abs().where(valid, 0.0)
        c = (THRESHOLD * error.detach().max()).clamp(min=1e-5)
        cost = error.where(error <= c, (error.square() + c * c) / (2 * c))
        return cost.sum() / valid.sum().clamp(min=1)

    def measure(self, prediction: Numbers, target: Numbers, valid: Mask) -> PerImage:
        """:func:`mimic_core.evaluation.depth_metrics` of (B, 1, H, W) maps."""
        from mimic_core.evaluation import depth_metrics

        return depth_metrics(prediction[:, 0], target[:, 0], valid)

    def best_constant(self, samples: Samples) -> Label:
        """Return the depth (1,), in metres, that maximises the mean delta1 of the samples.

        A constant c is right where t / 1.25 < c < 1.25 t, so on a logarithmic axis the best one is the centre of the
        heaviest window of width 2 log 1.25. Only windows that start at a true depth need to be checked.
        """
        import numpy as np

        from mimic_core.evaluation import DELTA, pixel_weights

        depths = np.log(samples.target[:, 0][samples.valid].astype(np.float64))
        order = np.argsort(depths, kind="stable")
        depths, weights = depths[order], pixel_weights(samples.valid)[order]
        total = np.concatenate([[0.0], np.cumsum(weights)])
        ends = np.searchsorted(depths, depths + 2 * np.log(DELTA) * (1 - 1e-6), side="left")
        start = int(np.argmax(total[ends] - total[:-1]))
        return np.exp([(depths[start] + depths[ends[start] - 1]) / 2]).astype(np.float32)

    def colours(self, label: Label, valid: Mask, bounds: Range) -> Picture:
        """Draw depth (1, H, W) in metres with the TURBO colour map, from near (blue) to far (red); invalid is grey.

        The scale is logarithmic, as delta1 is: equal ratios look equally different.
        """
        import cv2
        import numpy as np

        from mimic_core.evaluation import NEAREST

        near, far, shown = (np.log(np.maximum(value, NEAREST)) for value in (*bounds, label[0]))
        scaled = np.clip((shown - near) / max(far - near, NEAREST), 0, 1)
        picture = cv2.applyColorMap((scaled * 255).round().astype(np.uint8), cv2.COLORMAP_TURBO)[:, :, ::-1]
        return np.where(valid[:, :, None], picture, 128).astype(np.uint8)

    def legend(self, bounds: Range) -> str:
        """Explain how to read the colours."""
        return f"blue {bounds[0]:.1f} m to red {bounds[1]:.1f} m (logarithmic)"
