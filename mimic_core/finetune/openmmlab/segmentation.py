"""Semantic segmentation on ADE20K, trained and tested by MMSegmentation (paper section 4.3, appendix D).

How images become squares, and at which size a test is measured, is the protocol's
(:class:`mimic_core.finetune.openmmlab.segmentation_settings.SegmentationSettings`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import IGNORED, read_rgb, resize_label
from mimic_core.finetune.layouts.ade20k import ADE20K, REMEDY, read_annotation
from mimic_core.finetune.openmmlab.installed import require_openmmlab
from mimic_core.finetune.openmmlab.job import OUTPUTS, OpenMMLabJob
from mimic_core.finetune.openmmlab.metrics import SegmentationResult, summarise_segmentation
from mimic_core.finetune.openmmlab.segmentation_picture import Shown, draw_segmentation
from mimic_core.finetune.openmmlab.segmentation_settings import ConvNeXtSettings, SegmentationSettings
from mimic_core.finetune.pictures import shown_rows
from mimic_core.finetune.results import leave
from mimic_core.machine.devices import cpu_threads

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ["OUTPUTS", "ConvNeXtSettings", "SegmentationSettings", "build_config", "run"]


def build_config(
    settings: SegmentationSettings, weights: str | Path, root: str | Path, seed: int, **options: Any
) -> Config:
    """:func:`mimic_core.finetune.openmmlab.segmentation_config.build_config`, once OpenMMLab was found to be there."""
    require_openmmlab()
    from mimic_core.finetune.openmmlab import segmentation_config

    return segmentation_config.build_config(settings, weights, root, seed, **options)


def truth_of(split: ADE20K, row: int) -> NDArray[np.uint8]:
    """Classes (H, W) of an image, from 0; ``IGNORED`` where there is none."""
    labels = read_annotation(split.annotations / f"{split.images[row].stem}.png")
    return np.where(labels == 0, IGNORED, labels - 1).astype(np.uint8)


class SegmentationJob(OpenMMLabJob[SegmentationSettings, ADE20K]):
    """All seeds of one encoder and mode.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder; None: the settings'.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.

    Attributes:
        shown: predictions of the first seed for the picture.
    """

    def __init__(self, settings: SegmentationSettings, weights: str | Path, root: str | Path | None, seed: int) -> None:
        super().__init__(settings, weights, root, seed, ADE20K)
        self.shown: list[Shown] = []

    def train(self, repetition: int) -> SegmentationResult:
        """Train and test one repetition."""
        shown = shown_rows(len(self.test))
        config = build_config(
            self.settings,
            self.weights,
            self.root,
            self.seed_of(repetition),
            indices=self.indices(repetition),
            kept=shown,
            skip={"train": self.training.left_out, "test": self.test.left_out},
        )
        trained = self.run_config(config, repetition)
        counted = trained.metrics[-1]
        if repetition == self.settings.seeds[0]:
            self.shown = [self.shown_as_tested(row, counted.predictions[row]) for row in shown]
        return SegmentationResult(repetition, counted.images, counted.counts, trained.curve)

    def shown_as_tested(self, row: int, prediction: NDArray[np.uint8]) -> Shown:
        """A test image and its truth at the size at which it was measured."""
        image, truth = read_rgb(self.test.images[row], REMEDY), truth_of(self.test, row)
        if self.settings.protocol == "slide":
            return image, truth, prediction
        scale = self.settings.image_size / max(image.shape[:2])
        height, width = (int(side * scale + 0.5) for side in image.shape[:2])  # as MMCV rounds
        picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        return picture, resize_label(truth, height, width).astype(np.uint8), prediction[:height, :width]

    def draw(self, path: Path) -> None:
        """Write the picture of the first seed's predictions."""
        from mmseg.datasets import ADE20KDataset

        known = ADE20KDataset.METAINFO
        draw_segmentation(path, self.shown, np.array(known["palette"], np.uint8), known["classes"], self.title)


def run(
    settings: SegmentationSettings,
    weights: str | Path,
    out: str | Path,
    *,
    data: str | Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Fine-tune and evaluate; writes ``metrics.json``, ``predictions.png``, ``config.py`` and, last, ``receipt.json``.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        out: the folder of the results.
        data: the dataset's folder; None: ``settings.root``.
        seed: the config's seed.

    Returns:
        The content of ``metrics.json``. ``config.py`` is that of the first seed.

    Raises:
        MimicError: OpenMMLab, data or weights are missing or not what they should be, or a setting does not fit.
    """
    require_openmmlab()
    out = Path(out)
    with cpu_threads(settings.threads):
        job = SegmentationJob(settings, weights, data, seed)
        receipt = job.receipt()
        results = [job.train(repetition) for repetition in job.repetitions()]
    summary = summarise_segmentation(results, **job.about())
    job.draw(out / "predictions.png")
    job.write_config(out / "config.py")
    return leave(out, summary, receipt, OUTPUTS)
