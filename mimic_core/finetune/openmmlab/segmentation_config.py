"""Our settings as a config of MMSegmentation, which also runs without us (``Runner.from_cfg``).

Import it after :func:`mimic_core.finetune.openmmlab.require_openmmlab`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mimic_core.finetune.data import IGNORED
from mimic_core.finetune.layouts.ade20k import CLASSES
from mimic_core.finetune.openmmlab.segmentation_settings import SegmentationSettings
from mimic_core.finetune.repetitions import encoder_sizes
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD

IMPORTS = ["mimic_core.finetune.openmmlab.registered", "mimic_core.finetune.openmmlab.segmentation_parts"]
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
    size, bf16 = settings.image_size, uses_bfloat16(settings.precision)
    slide = {"mode": "slide", "crop_size": (size, size), "stride": (2 * size // 3, 2 * size // 3)}
    pixels = {"mean": [255 * value for value in IMAGENET_MEAN], "std": [255 * value for value in IMAGENET_STD]}
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": {
            "type": "SegDataPreProcessor",
            "bgr_to_rgb": True,
            "size": (size, size),
            "pad_val": 0,
            "seg_pad_val": 255,
            **pixels,
        },
        "backbone": {
            "type": "MimicBackbone",
            "weights": str(weights),
            "architecture": dict(settings.architecture),
            "seed": seed,
            "frozen": settings.mode == "frozen",
            "drop_path": settings.drop_path,
            "bf16": bf16,
        },
        "decode_head": {
            "type": "MimicConvNeXtHead",
            "in_channels": width,
            "num_classes": CLASSES,
            "width": settings.head.width,
            "predictions": settings.head.predictions,
            "depth": settings.head.depth,
            "seed": seed,
            "bf16": bf16,
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
    """A complete config of one training run and its test.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder.
        seed: the repetition's.
        indices: training images, in the reader's order; None: all.
        kept: test images whose prediction is kept.
        skip: names of images that are left out, by part.

    Raises:
        MimicError: there is no such encoder, or it does not fit the input size.
    """
    sizes = encoder_sizes(settings.architecture, weights, (settings.image_size, settings.image_size))
    training, testing = pipelines(settings)
    data = {"type": "MimicADE20K", "data_root": str(root)}
    optimizer = {
        "type": "AdamW",
        "lr": settings.learning_rate,
        "betas": tuple(settings.betas),
        "weight_decay": settings.weight_decay,
    }
    schedule = {"rate": settings.learning_rate, "epochs": settings.epochs, "warmup_epochs": settings.warmup_epochs}
    return Config(
        {
            "default_scope": "mmseg",
            "custom_imports": {"imports": IMPORTS, "allow_failed_imports": False},
            "work_dir": "work_dirs/segmentation",
            "randomness": {"seed": seed % 2**32},
            "env_cfg": {"cudnn_benchmark": False, "mp_cfg": {"mp_start_method": "fork", "opencv_num_threads": 0}},
            "model": model_config(settings, weights, seed, sizes.width),
            "train_dataloader": {
                "batch_size": settings.batch_size,
                "num_workers": settings.workers,
                "sampler": {"type": "DefaultSampler", "shuffle": True},
                "dataset": {
                    **data,
                    "part": "train",
                    "skip": list(skip["train"]),
                    "seed": seed,
                    "indices": None if indices is None else [int(row) for row in indices],
                    "pipeline": training,
                },
            },
            "test_dataloader": {
                "batch_size": 1,
                "num_workers": settings.workers,
                "sampler": {"type": "DefaultSampler", "shuffle": False},
                "dataset": {
                    **data,
                    "part": "test",
                    "skip": list(skip["test"]),
                    "test_mode": True,
                    "pipeline": testing,
                },
            },
            "optim_wrapper": {
                "type": "OptimWrapper",
                "optimizer": optimizer,
                "constructor": "MimicLayerDecay",
                "paramwise_cfg": {"layer_decay": settings.layer_decay},
            },
            "param_scheduler": [{"type": "MimicCosineLR", "by_epoch": True, "convert_to_iter_based": True, **schedule}],
            "train_cfg": {"by_epoch": True, "max_epochs": settings.epochs},
            "test_cfg": {},
            "test_evaluator": [
                {"type": "IoUMetric", "iou_metrics": ["mIoU"]},
                {"type": "ConfusionCounts", "kept": [int(row) for row in kept]},
            ],
            "default_hooks": {"checkpoint": {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 1}},
            "custom_hooks": [{"type": "EpochOfData"}],
        }
    )
