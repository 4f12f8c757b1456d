"""Linear probing on ImageNet-1K, as in the released MAE (paper section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mimic_core.finetune.settings import ProbeSettings
from mimic_core.finetune.tasks.base import Metric, ProbeTask
from mimic_core.kit.settings import settings

if TYPE_CHECKING:
    from mimic_core.finetune.layouts import ImageNet
    from mimic_core.finetune.tasks.base import Numbers, PerImage, Rows

CLASSES = 1000  # in ImageNet-1K
BEST = 5  # highest scores that top5 counts


@settings("finetune")
class ClassificationSettings(ProbeSettings):
    """Settings of a linear probe on ImageNet."""

    task: Literal["classification"]

    @property
    def protocol_description(self) -> str:
        """How test images are cropped and which epoch is tested, for tables."""
        from mimic_core.finetune.layouts.imagenet import CROP

        size = self.image_size
        return f"shorter side to {round(size / CROP)}, middle {size}x{size}, last of {self.epochs} epochs"


class Classification(ProbeTask):
    """Image classification on ImageNet-1K by a linear probe."""

    name = "classification"
    settings = ClassificationSettings
    dataset = "ImageNet-1K"
    layout = "imagenet"
    metrics = (Metric("top1", "linear probe top-1"),)
    tables = (2,)
    modes = ("frozen",)
    minutes = 10080
    sample_images = "class_images"

    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> ImageNet:
        """Open a part of ImageNet."""
        from mimic_core.finetune.layouts import ImageNet

        return ImageNet(root, part)

    def evaluation_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Return the files of the test images."""
        return self.open(root, "test", {}).images

    def measure(self, scores: Numbers, labels: Rows) -> PerImage:
        """Compute ``top1`` and ``top5`` of each image, 0 or 100, from scores (N, classes)."""
        import numpy as np

        own = scores[np.arange(len(labels)), labels]
        better = (scores > own[:, None]).sum(axis=1)
        return {"top1": 100.0 * (better < 1), "top5": 100.0 * (better < BEST)}

    def head_operations(self, settings: ProbeSettings, patches: float, width: int) -> float:
        """Return the floating-point operations of the linear layer."""
        return 2.0 * CLASSES * width
