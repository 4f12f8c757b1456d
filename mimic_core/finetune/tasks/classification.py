"""Linear probing on ImageNet-1K: how well classes are told apart by a linear layer on a frozen encoder.

As the released MAE (paper section 5.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mimic_core.finetune.settings import ProbeSettings
from mimic_core.finetune.tasks.base import Figure, ProbeTask
from mimic_core.kit.settings import settings

if TYPE_CHECKING:
    from mimic_core.finetune.layouts import ImageNet
    from mimic_core.finetune.tasks.base import Numbers, PerImage, Rows

CLASSES = 1000  # of ImageNet-1K
BEST = 5  # guesses of the wider metric


@settings("finetune")
class ClassificationSettings(ProbeSettings):
    """A linear probe of ImageNet's classes."""

    task: Literal["classification"]

    @property
    def protocol_words(self) -> str:
        """How test images are cut out and which epoch is tested, for tables."""
        from mimic_core.finetune.layouts.imagenet import CROP

        size = self.image_size
        return f"shorter side to {round(size / CROP)}, middle {size}x{size}, last of {self.epochs} epochs"


class Classification(ProbeTask):
    """The class of an image."""

    name = "classification"
    settings = ClassificationSettings
    dataset = "ImageNet-1K"
    layout = "imagenet"
    figures = (Figure("top1", "linear probe top-1"),)
    tables = (2,)
    modes = ("frozen",)
    minutes = 10080
    sample_images = "class_images"

    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> ImageNet:
        """Open a part of ImageNet."""
        from mimic_core.finetune.layouts import ImageNet

        return ImageNet(root, part)

    def test_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Files of the test images."""
        return self.open(root, "test", {}).images

    def measure(self, scores: Numbers, labels: Rows) -> PerImage:
        """Whether each image's class is the best or among the best five of its scores (N, classes): 0 or 100."""
        import numpy as np

        own = scores[np.arange(len(labels)), labels]
        better = (scores > own[:, None]).sum(axis=1)
        return {"top1": 100.0 * (better < 1), "top5": 100.0 * (better < BEST)}

    def head_operations(self, settings: ProbeSettings, patches: float, width: int) -> float:
        """Floating-point operations of the linear layer."""
        return 2.0 * CLASSES * width
