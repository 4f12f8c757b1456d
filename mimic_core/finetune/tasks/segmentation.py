"""Semantic segmentation on ADE20K, trained and tested by MMSegmentation (paper section 4.3, appendix D)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimic_core.finetune.settings import OpenMMLabSettings, SquareSettings, WarmUpSettings, check
from mimic_core.finetune.tasks.base import ImageCounts, Metric, OpenMMLabTask
from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import AboveZero, BelowOne, Count, Flag, NotNegative, Positive
from mimic_core.models import convolution

if TYPE_CHECKING:
    from mimic_core.evaluation import Counts
    from mimic_core.finetune.layouts import ADE20K
    from mimic_core.finetune.pictures import Sheet
    from mimic_core.finetune.tasks.base import BaseMetric, Config, Picture, Rows

CLASSES = 150
NAMED, NAMES_A_LINE, LINE = 12, 6, 20  # classes in the legend and in one line of it; height of a line, pixels


@settings("finetune.head")
class ConvNeXtSettings:
    """Size of the ConvNeXt head; the defaults are the released MultiMAE's."""

    width: Positive = key("width of the projected tokens, a multiple of predictions", default=6144)
    predictions: Positive = key("predictions per patch, a square number", default=16)
    depth: Count = key("number of blocks", default=4)

    def __post_init__(self) -> None:
        square = round(self.predictions**0.5) ** 2 == self.predictions
        check(
            square, f"{self.predictions} predictions per patch", "head.predictions", "use a square number, such as 16"
        )
        fits = self.width % self.predictions == 0
        check(fits, f"the width is {self.width}", "head.width", f"use a multiple of {self.predictions}")


@settings("finetune")
class SegmentationSettings(SquareSettings, WarmUpSettings, OpenMMLabSettings):
    """Settings of segmentation; the defaults are the paper's for ADE20K (appendix D)."""

    task: Literal["segmentation"]
    image_size: Positive = 512
    protocol: Literal["slide", "multimae"] = key(
        "slide: the shorter side is resized to image_size; tests slide windows over the image and are measured at the"
        " size of the labels; multimae: as in the released MultiMAE, the longer side is resized to image_size, training"
        " images are scaled by 0.1 to 2, and all are padded and cropped to a square; tests take one pass over this"
        " square and are measured at its size",
        default="slide",
    )
    head: ConvNeXtSettings = key("size of the ConvNeXt head", default_factory=ConvNeXtSettings)
    learning_rate: AboveZero = 5e-4
    weight_decay: NotNegative = 0.05
    batch_size: Positive = 16
    epochs: Positive = 64
    warmup_epochs: NotNegative = 1
    drop_path: BelowOne = 0.1
    augment: Flag = True

    @property
    def protocol_description(self) -> str:
        """How test images are resized and at which size they are measured, for tables."""
        size = self.image_size
        if self.protocol == "multimae":
            return f"longer side to {size}, padded, one pass, measured there (MultiMAE)"
        return f"shorter side to {size}, sliding windows, measured at the labels' size"


class Segmentation(OpenMMLabTask):
    """Semantic segmentation into 150 classes."""

    name = "segmentation"
    settings = SegmentationSettings
    dataset = "ADE20K"
    layout = "ade20k"
    metrics = (Metric("miou", "segmentation mIoU"),)
    tables = (2, 3)
    minutes = 3600
    sample_images = "segmentation_images"
    packages = ("mmengine", "mmcv", "mmseg")
    no_result = ("no test image has a pixel with a label", "check the dataset's labels")

    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> ADE20K:
        """Open a part of ADE20K."""
        from mimic_core.finetune.layouts import ADE20K

        return ADE20K(root, part)

    def evaluation_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Return the files of the test images."""
        return self.open(root, "test", {}).images

    def head_operations(self, settings: SegmentationSettings, patches: float, width: int) -> float:
        """Estimate the floating-point operations of the ConvNeXt head's forward pass on a square image."""
        head = settings.head
        inner, pixels = head.width // head.predictions, patches * head.predictions
        blocks = head.depth * pixels * inner * (2 * 49 + 2 * 8 * inner)
        return convolution(patches, 1, width, head.width) + blocks + convolution(pixels, 1, inner, CLASSES)

    def config(
        self,
        settings: SegmentationSettings,
        weights: str | Path,
        root: Path,
        seed: int,
        splits: Mapping[str, ADE20K],
        **options: Any,
    ) -> Config:
        """Return the config of one training run and its test."""
        from mimic_core.finetune.openmmlab.segmentation import build_config
        from mimic_core.finetune.pictures import shown_rows

        skip = {part: split.left_out for part, split in splits.items()}
        kept = shown_rows(len(splits["test"]))
        return build_config(settings, weights, root, seed, kept=kept, skip=skip, **options)

    def collect_counts(self, settings: SegmentationSettings, metrics: Sequence[BaseMetric]) -> ImageCounts:
        """Collect image names, their counts (N, 3, classes), and predicted classes (H, W) of the images to draw."""
        metric = metrics[-1]
        return ImageCounts(metric.images, metric.counts, metric.predictions)

    def measure(self, counts: Counts, rows: Rows | None = None) -> dict[str, float]:
        """Compute mean intersection over union and accuracies over the classes that occur in the images."""
        from mimic_core.evaluation import drawn_counts, segmentation_metrics

        return segmentation_metrics(counts.sum(axis=0) if rows is None else drawn_counts(counts, rows))

    def per_image(self, counts: Counts) -> dict[str, list[Any]]:
        """Return the classes (from 0) in each image's truth or prediction, and the pixel counts of each."""
        from mimic_core.evaluation import pack_counts

        return pack_counts(counts)

    def draw(
        self,
        path: Path,
        settings: SegmentationSettings,
        test: ADE20K,
        predictions: Mapping[int, Picture],
        title: str,
    ) -> None:
        """Draw image, truth and prediction in ADE20K's colours, mIoU under each column, and a legend."""
        import numpy as np
        from mmseg.datasets import ADE20KDataset
        from PIL.Image import Resampling

        from mimic_core.evaluation import confusion_counts, segmentation_metrics
        from mimic_core.finetune.pictures import GAP, Sheet, padded

        names, palette = ADE20KDataset.METAINFO["classes"], np.array(ADE20KDataset.METAINFO["palette"], np.uint8)
        colours = np.zeros((256, 3), np.uint8)  # black: no class
        colours[: len(palette)] = palette
        size = settings.image_size if settings.protocol == "multimae" else None
        shown = []
        for row, prediction in predictions.items():
            image, truth = test.whole(row, size)
            shown.append((image, truth, prediction[: truth.shape[0], : truth.shape[1]]))  # without the padding
        named = common_classes([labels for _, *both in shown for labels in both])
        lines = -(-len(named) // NAMES_A_LINE)
        subtitle = "one colour a class; black: no class"
        sheet = Sheet(title, len(shown), subtitle=subtitle, least=4, below=(lines + 1) * LINE + 3 * GAP)
        for column, (image, truth, prediction) in enumerate(shown):
            sheet.paste(column, 0, padded(image, Resampling.BICUBIC))
            for row, labels in enumerate((truth, prediction), 1):
                sheet.paste(column, row, padded(colours[labels], Resampling.NEAREST))
            found = segmentation_metrics(confusion_counts(prediction, truth, CLASSES))
            sheet.caption(column, f"mIoU {found['miou']:.1f}, pixels {found['aacc']:.1f} %")
        draw_legend(sheet, [(names[index], palette[index].tolist()) for index in named])
        sheet.save(path)


def common_classes(labels: Sequence[Picture]) -> list[int]:
    """Return up to ``NAMED`` classes that cover the most pixels, the largest first."""
    import numpy as np

    from mimic_core.evaluation import IGNORED

    every = np.concatenate([one.ravel() for one in labels])
    counts = np.bincount(every[every != IGNORED], minlength=IGNORED)
    return [int(index) for index in np.argsort(-counts, kind="stable")[:NAMED] if counts[index]]


def draw_legend(sheet: Sheet, named: Sequence[tuple[str, Sequence[int]]]) -> None:
    """Draw class names with their colours below the captions."""
    from mimic_core.finetune.pictures import GAP, INK, PALE

    for place, (name, colour) in enumerate(named):
        left = sheet.left + (place % NAMES_A_LINE) * (sheet.width // NAMES_A_LINE)
        top = sheet.bottom + LINE + GAP + (place // NAMES_A_LINE) * LINE
        sheet.draw.rectangle((left, top, left + 14, top + 14), tuple(colour), PALE)
        sheet.draw.text((left + 20, top + 7), name, INK, sheet.small, anchor="lm")
