"""Our settings as a config of MMSegmentation, and what it names: the head, the dataset and the counts.

Importing this module, which needs MMSegmentation, registers them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmseg.datasets import ADE20KDataset
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from numpy.typing import NDArray
from torch import Tensor, nn

from mimic_core.evaluation import Counts, confusion_counts, segmentation_metrics
from mimic_core.finetune.augment import JITTERED, OF_ADE20K, jitter_colours
from mimic_core.finetune.data import IGNORED
from mimic_core.finetune.job import encoder_sizes
from mimic_core.finetune.layouts.ade20k import ADE20K, CLASSES
from mimic_core.finetune.openmmlab.config import backbone_config, pixel_statistics, run_config
from mimic_core.finetune.openmmlab.epochs import SeededDataset
from mimic_core.finetune.tasks.segmentation import SegmentationSettings
from mimic_core.kit.seeding import seed_for
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import ConvNeXtHead

NOTHING: Mapping[str, Sequence[str]] = {"train": (), "test": ()}
PADDING = 128  # grey level beside an image
SCALES = (0.1, 2.0)
UNBOUNDED = 10**6  # pixels of an image's longer side: only the shorter is asked for
READ = {"type": "LoadImageFromFile", "color_type": "color_ignore_orientation"}  # labels belong to the stored pixels


def pipelines(settings: SegmentationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is done to a training and to a test image."""
    return squares(settings) if settings.protocol == "multimae" else windows(settings)


def squares(settings: SegmentationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The longer side at the input size and the rest padded, as the released MultiMAE (utils/datasets_semseg.py)."""
    size = settings.image_size
    fit = {"type": "Resize", "scale": (size, size), "keep_ratio": True}
    pad = {"type": "Pad", "size": (size, size), "pad_val": {"img": PADDING, "seg": IGNORED}}
    crop = {"type": "RandomCrop", "crop_size": (size, size)}
    scaled = {"type": "RandomResize", "scale": (size, size), "ratio_range": SCALES, "keep_ratio": True}
    labels, pack = {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}
    drawn = [{"type": "RandomFlip", "prob": 0.5}, fit, {"type": "MimicColourJitter"}, scaled]
    training = [READ, labels, *(drawn if settings.augment else [fit]), pad, crop, pack]
    return training, [READ, labels, fit, pad, {"type": "MimicMeasureHere"}, pack]


def windows(settings: SegmentationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The shorter side at the input size; the test's truth keeps its own size."""
    size = settings.image_size
    shrink = {"type": "ResizeShortestEdge", "scale": size, "max_size": UNBOUNDED}
    crop = {"type": "RandomCrop", "crop_size": (size, size)}
    jitter: list[dict[str, Any]] = (
        [{"type": "RandomFlip", "prob": 0.5}, {"type": "PhotoMetricDistortion"}] if settings.augment else []
    )
    labels, pack = {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}
    return [READ, labels, shrink, crop, *jitter, pack], [READ, shrink, labels, pack]


def model_config(settings: SegmentationSettings, weights: str | Path, seed: int, width: int) -> dict[str, Any]:
    """Encoder and head; tested in windows of the training size that overlap by a third, or in one pass."""
    size, head = settings.image_size, settings.head
    slide = {"mode": "slide", "crop_size": (size, size), "stride": (2 * size // 3, 2 * size // 3)}
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": {
            "type": "SegDataPreProcessor",
            "bgr_to_rgb": True,
            "size": (size, size),
            "pad_val": 0,
            "seg_pad_val": 255,
            **pixel_statistics(),
        },
        "backbone": backbone_config(settings, weights, seed),
        "decode_head": {
            "type": "MimicConvNeXtHead",
            "in_channels": width,
            "num_classes": CLASSES,
            "width": head.width,
            "predictions": head.predictions,
            "depth": head.depth,
            "seed": seed,
            "bf16": uses_bfloat16(settings.precision),
            "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},  # mean over the pixels with a class
        },
        "train_cfg": {},
        "test_cfg": {"mode": "whole"} if settings.protocol == "multimae" else slide,
    }


def build_config(
    settings: SegmentationSettings,
    weights: str | Path,
    root: str | Path,
    seed: int,
    *,
    indices: Sequence[int] | None = None,
    kept: Sequence[int] = (),
    skip: Mapping[str, Sequence[str]] = NOTHING,
) -> Config:
    """The config of a task; see :meth:`mimic_core.finetune.tasks.OpenMMLabTask.config`.

    Args:
        settings, weights, root, seed: as there.
        indices: training images, in the reader's order; None: all.
        kept: test images whose prediction is kept.
        skip: names of images that are left out, by part.

    Raises:
        MimicError: there is no such encoder, or it does not fit the input size.
    """
    sizes = encoder_sizes(settings.architecture, weights, settings.size)
    training, testing = pipelines(settings)
    schedule = {"rate": settings.learning_rate, "epochs": settings.epochs, "warmup_epochs": settings.warmup_epochs}
    return run_config(
        settings,
        seed,
        library="mmseg",
        registered="segmentation",
        model=model_config(settings, weights, seed, sizes.width),
        data={"type": "MimicADE20K", "data_root": str(root)},
        training={"skip": list(skip["train"]), "pipeline": training},
        test={"skip": list(skip["test"]), "test_mode": True, "pipeline": testing},
        indices=None if indices is None else [int(row) for row in indices],
        schedule=[{"type": "MimicCosineLR", "by_epoch": True, "convert_to_iter_based": True, **schedule}],
        evaluator=[
            {"type": "IoUMetric", "iou_metrics": ["mIoU"]},
            {"type": "ConfusionCounts", "kept": [int(row) for row in kept]},
        ],
    )


@MODELS.register_module()
class MimicConvNeXtHead(BaseDecodeHead):
    """:class:`mimic_core.models.convnext.ConvNeXtHead` as a decode head; takes one map of tokens.

    Args:
        in_channels: width of the encoder's tokens.
        num_classes: number of classes.
        width, predictions, depth: ``embed``, ``predictions`` and ``depth`` of the head.
        drop_path: stochastic depth at its last block.
        seed: decides its random weights.
        bf16: run under bf16 autocast; the scores are float32 again.
        options: of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        width: int = 6144,
        predictions: int = 16,
        depth: int = 4,
        drop_path: float = 0.0,
        seed: int = 0,
        bf16: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, width, num_classes=num_classes, dropout_ratio=0.0, init_cfg=None, **options)
        self.conv_seg = nn.Identity()  # mmseg's own classifier, whose place final_layer takes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(seed, "head"))
            self.head = ConvNeXtHead(in_channels, num_classes, width, predictions, depth, drop_path)
        self.bf16 = bf16

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Class scores (B, classes, side * h, side * w) from maps whose last is (B, in_channels, h, w)."""
        maps = self._transform_inputs(inputs)
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=self.bf16):
            scores: Tensor = self.head(maps.flatten(2).transpose(1, 2), (maps.shape[2], maps.shape[3]))
        return scores.float()

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """mmseg's loss without its training accuracy, which takes a fifth of the time with 150 classes.

        Args:
            seg_logits: (B, classes, h, w), as :meth:`forward` gives them.
            batch_data_samples: B samples with the true classes.
        """
        truth = self._stack_batch_gt(batch_data_samples)
        scores = resize(seg_logits, truth.shape[2:], mode="bilinear", align_corners=self.align_corners)
        return {"loss_ce": self.loss_decode(scores, truth.squeeze(1), ignore_index=self.ignore_index)}


@TRANSFORMS.register_module()
class MimicColourJitter(BaseTransform):
    """The colour jitter of the released MultiMAE on ADE20K, of half of the images."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``img`` (H, W, 3) uint8 BGR."""
        rng = np.random.default_rng(np.random.randint(2**31))
        if rng.random() < JITTERED:
            image = jitter_colours(results["img"][..., ::-1].copy(), rng, OF_ADE20K)
            results["img"] = np.ascontiguousarray(image[..., ::-1])
        return results


@TRANSFORMS.register_module()
class MimicMeasureHere(BaseTransform):
    """A test is measured at the size that the image has here, and not at that of its file."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Give the image's own size as that of its file."""
        results["ori_shape"] = results["img"].shape[:2]
        return results


@DATASETS.register_module()
class MimicADE20K(SeededDataset, ADE20KDataset):
    """mmseg's ADE20K over exactly the images that our reader lists.

    Args:
        data_root: ``ADEChallengeData2016``, or the folder that holds it.
        part: ``train`` or ``test``.
        seed: decides the augmentation of every image in every epoch, whatever the number of workers.
        skip: names of images, without the suffix, that are left out.
        options: of mmseg's dataset; ``indices`` counts in the reader's order.
    """

    def __init__(self, data_root: str, part: str, seed: int = 0, skip: Sequence[str] = (), **options: Any) -> None:
        self.reader, self.seed = ADE20K(data_root, part, skip), seed
        super().__init__(**options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry an image, as mmseg's transforms want it."""
        common = {"label_map": self.label_map, "reduce_zero_label": self.reduce_zero_label}
        return [
            {
                "img_path": str(path),
                "seg_map_path": str(self.reader.annotations / f"{path.stem}.png"),
                "seg_fields": [],
                **common,
            }
            for path in self.reader.images
        ]


@METRICS.register_module()
class ConfusionCounts(BaseMetric):
    """Keeps the counts of every image, and the whole prediction of a few.

    Args:
        kept: numbers of the images whose prediction is kept, for a picture.

    Attributes:
        counts: (N, 3, classes), after the evaluation.
        images: N names of images, without the suffix.
        predictions: number of an image to its classes (H, W) uint8.
    """

    default_prefix = "mimic"

    def __init__(self, kept: Sequence[int] = (), **options: Any) -> None:
        super().__init__(**options)
        self.kept = set(kept)
        self.counts: Counts = np.zeros((0, 3, 0), np.int64)
        self.images: list[str] = []
        self.predictions: dict[int, NDArray[np.uint8]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Count one batch."""
        classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            prediction, truth = (sample[key]["data"].squeeze(0).cpu().numpy() for key in ("pred_sem_seg", "gt_sem_seg"))
            if len(self.results) in self.kept:
                self.predictions[len(self.results)] = prediction.astype(np.uint8)
            name = Path(str(sample["img_path"])).stem
            self.results.append((name, confusion_counts(prediction, truth, classes)))

    def compute_metrics(self, results: list[tuple[str, Counts]]) -> dict[str, float]:
        """``miou``, ``macc``, ``aacc``, percent."""
        self.images = [name for name, _ in results]
        self.counts = np.stack([counts for _, counts in results])
        return segmentation_metrics(self.counts.sum(axis=0))
