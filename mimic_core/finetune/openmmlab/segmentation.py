"""MMSegmentation config of a segmentation job, and the head, transforms, dataset and metric that it names.

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
from mimic_core.finetune.augment import ADE20K_JITTER, JITTER_PROBABILITY, jitter_colours
from mimic_core.finetune.data import IGNORED
from mimic_core.finetune.job import encoder_sizes
from mimic_core.finetune.layouts.ade20k import ADE20K, CLASSES
from mimic_core.finetune.openmmlab.config import backbone_config, pixel_statistics, run_config
from mimic_core.finetune.openmmlab.epochs import SeededDataset
from mimic_core.finetune.tasks.segmentation import SegmentationSettings
from mimic_core.kit.seeding import seed_for
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import ConvNeXtHead

NO_SKIPS: Mapping[str, Sequence[str]] = {"train": (), "test": ()}
PADDING = 128  # grey level of padding
SCALES = (0.1, 2.0)
MAX_LONGER_SIDE = 10**6  # longer side in pixels: only the shorter side is limited
LOAD_IMAGE = {"type": "LoadImageFromFile", "color_type": "color_ignore_orientation"}  # labels fit the stored pixels


def pipelines(settings: SegmentationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the pipelines of training and test images."""
    return padded_pipelines(settings) if settings.protocol == "multimae" else sliding_pipelines(settings)


def padded_pipelines(settings: SegmentationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Pipelines that fit the longer side and pad to a square, as in MultiMAE (utils/datasets_semseg.py)."""
    size = settings.image_size
    fit = {"type": "Resize", "scale": (size, size), "keep_ratio": True}
    pad = {"type": "Pad", "size": (size, size), "pad_val": {"img": PADDING, "seg": IGNORED}}
    crop = {"type": "RandomCrop", "crop_size": (size, size)}
    scaled = {"type": "RandomResize", "scale": (size, size), "ratio_range": SCALES, "keep_ratio": True}
    labels, pack = {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}
    drawn = [{"type": "RandomFlip", "prob": 0.5}, fit, {"type": "MimicColourJitter"}, scaled]
    training = [LOAD_IMAGE, labels, *(drawn if settings.augment else [fit]), pad, crop, pack]
    return training, [LOAD_IMAGE, labels, fit, pad, {"type": "MimicMeasureHere"}, pack]


def sliding_pipelines(settings: SegmentationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Pipelines that resize the shorter side to the input size; test labels keep their size."""
    size = settings.image_size
    shrink = {"type": "ResizeShortestEdge", "scale": size, "max_size": MAX_LONGER_SIDE}
    crop = {"type": "RandomCrop", "crop_size": (size, size)}
    jitter: list[dict[str, Any]] = (
        [{"type": "RandomFlip", "prob": 0.5}, {"type": "PhotoMetricDistortion"}] if settings.augment else []
    )
    labels, pack = {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}
    return [LOAD_IMAGE, labels, shrink, crop, *jitter, pack], [LOAD_IMAGE, shrink, labels, pack]


def model_config(settings: SegmentationSettings, weights: str | Path, seed: int, width: int) -> dict[str, Any]:
    """Return the config of encoder and head, tested in one pass or in training-size windows overlapping by a third."""
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
            "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},  # mean over labelled pixels
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
    skip: Mapping[str, Sequence[str]] = NO_SKIPS,
) -> Config:
    """Return the config of a job; see :meth:`mimic_core.finetune.tasks.OpenMMLabTask.config`.

    Args:
        settings, weights, root, seed: as there.
        indices: rows of the training images in the reader's order; None: all.
        kept: rows of test images whose prediction is kept.
        skip: names of images to leave out, by part.

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
    """:class:`mimic_core.models.convnext.ConvNeXtHead` as a decode head on one feature map.

    Args:
        in_channels: width of the encoder's tokens.
        num_classes: number of classes.
        width, predictions, depth: ``embed``, ``predictions`` and ``depth`` of the head.
        drop_path: stochastic depth rate at its last block.
        seed: seed of its random weights.
        bf16: run under bf16 autocast; the scores are float32.
        options: arguments of mmseg's ``BaseDecodeHead``.
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
        self.conv_seg = nn.Identity()  # disables mmseg's classifier: the head has its own
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(seed, "head"))
            self.head = ConvNeXtHead(in_channels, num_classes, width, predictions, depth, drop_path)
        self.bf16 = bf16

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute class scores (B, classes, side * h, side * w) from the last map (B, in_channels, h, w)."""
        maps = self._transform_inputs(inputs)
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=self.bf16):
            scores: Tensor = self.head(maps.flatten(2).transpose(1, 2), (maps.shape[2], maps.shape[3]))
        return scores.float()

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Compute mmseg's loss without its training accuracy, which takes a fifth of the time with 150 classes.

        Args:
            seg_logits: (B, classes, h, w) from :meth:`forward`.
            batch_data_samples: B samples with the true classes.
        """
        truth = self._stack_batch_gt(batch_data_samples)
        scores = resize(seg_logits, truth.shape[2:], mode="bilinear", align_corners=self.align_corners)
        return {"loss_ce": self.loss_decode(scores, truth.squeeze(1), ignore_index=self.ignore_index)}


@TRANSFORMS.register_module()
class MimicColourJitter(BaseTransform):
    """MultiMAE's colour jitter on ADE20K, applied to half of the images."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Jitter ``img`` (H, W, 3) uint8 BGR."""
        rng = np.random.default_rng(np.random.randint(2**31))
        if rng.random() < JITTER_PROBABILITY:
            image = jitter_colours(results["img"][..., ::-1].copy(), rng, ADE20K_JITTER)
            results["img"] = np.ascontiguousarray(image[..., ::-1])
        return results


@TRANSFORMS.register_module()
class MimicMeasureHere(BaseTransform):
    """Makes a test measure at the image's current size instead of the size of its file."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``ori_shape`` to the current size."""
        results["ori_shape"] = results["img"].shape[:2]
        return results


@DATASETS.register_module()
class MimicADE20K(SeededDataset, ADE20KDataset):
    """mmseg's ADE20K dataset, restricted to the images that our reader lists.

    Args:
        data_root: ``ADEChallengeData2016``, or its parent folder.
        part: ``train`` or ``test``.
        seed: seed of the augmentation.
        skip: names of images to leave out, without the suffix.
        options: arguments of mmseg's dataset; ``indices`` are rows in the reader's order.
    """

    def __init__(self, data_root: str, part: str, seed: int = 0, skip: Sequence[str] = (), **options: Any) -> None:
        self.reader, self.seed = ADE20K(data_root, part, skip), seed
        super().__init__(**options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List one entry per image in the format of mmseg's transforms."""
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
    """Keeps the pixel counts of every image, and the predictions of a few.

    Args:
        kept: rows of the images whose prediction is kept, for a picture.

    Attributes:
        counts: (N, 3, classes), after the evaluation.
        images: N names of images, without the suffix.
        predictions: predicted classes (H, W) uint8 by row of the image.
    """

    default_prefix = "mimic"

    def __init__(self, kept: Sequence[int] = (), **options: Any) -> None:
        super().__init__(**options)
        self.kept = set(kept)
        self.counts: Counts = np.zeros((0, 3, 0), np.int64)
        self.images: list[str] = []
        self.predictions: dict[int, NDArray[np.uint8]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Count the pixels of one batch."""
        classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            prediction, truth = (sample[key]["data"].squeeze(0).cpu().numpy() for key in ("pred_sem_seg", "gt_sem_seg"))
            if len(self.results) in self.kept:
                self.predictions[len(self.results)] = prediction.astype(np.uint8)
            name = Path(str(sample["img_path"])).stem
            self.results.append((name, confusion_counts(prediction, truth, classes)))

    def compute_metrics(self, results: list[tuple[str, Counts]]) -> dict[str, float]:
        """Compute ``miou``, ``macc`` and ``aacc``, in percent."""
        self.images = [name for name, _ in results]
        self.counts = np.stack([counts for _, counts in results])
        return segmentation_metrics(self.counts.sum(axis=0))
