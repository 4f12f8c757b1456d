"""Our settings as a config of MMPose, which also runs without us (``Runner.from_cfg``).

Import it after :func:`mimic_core.finetune.openmmlab.require_openmmlab`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mimic_core.finetune.layouts.coco import JOINTS, PARTS
from mimic_core.finetune.openmmlab.pose_settings import PoseSettings
from mimic_core.finetune.repetitions import encoder_sizes
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.settings import ViTSettings

IMPORTS = ["mimic_core.finetune.openmmlab.registered", "mimic_core.finetune.openmmlab.pose_parts"]
NOTHING: Mapping[str, Mapping[str, Sequence[int]]] = {"train": {}, "test": {}}
READ = {"type": "LoadImage", "color_type": "color_ignore_orientation"}  # joints belong to the stored pixels
FINER = 4  # pixels of the heatmap along a patch's side: two deconvolutions


def codec(settings: PoseSettings, sizes: ViTSettings) -> dict[str, Any]:
    """How joints are written as heatmaps and read from them; mmpose's sizes are (width, height)."""
    height, width = settings.size
    heatmap = tuple(side // sizes.patch_size * FINER for side in (width, height))
    common = {"input_size": (width, height), "heatmap_size": heatmap, "sigma": settings.sigma}
    return (
        {"type": "UDPHeatmap", **common}
        if settings.codec == "udp"
        else {"type": "MSRAHeatmap", "unbiased": True} | common
    )


def pipelines(settings: PoseSettings, written: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is done to a training and to a test image."""
    window = {"type": "GetBBoxCenterScale"}
    cut = {"type": "TopdownAffine", "input_size": written["input_size"], "use_udp": settings.codec == "udp"}
    drawn = [
        {"type": "RandomFlip", "direction": "horizontal"},
        {"type": "RandomHalfBody"},
        {"type": "RandomBBoxTransform"},
    ]
    target, pack = {"type": "GenerateTarget", "encoder": written}, {"type": "PackPoseInputs"}
    return [READ, window, *(drawn if settings.augment else []), cut, target, pack], [READ, window, cut, pack]


def model_config(settings: PoseSettings, weights: str | Path, seed: int, written: dict[str, Any], width: int) -> dict:
    """Encoder and ViTPose's classic head."""
    channels = int(settings.deconv_channels)
    return {
        "type": "TopdownPoseEstimator",
        "data_preprocessor": {
            "type": "PoseDataPreprocessor",
            "bgr_to_rgb": True,
            "mean": [255 * value for value in IMAGENET_MEAN],
            "std": [255 * value for value in IMAGENET_STD],
        },
        "backbone": {
            "type": "MimicBackbone",
            "weights": str(weights),
            "architecture": dict(settings.architecture),
            "seed": seed,
            "frozen": settings.mode == "frozen",
            "drop_path": settings.drop_path,
            "norm": True,
            "bf16": uses_bfloat16(settings.precision),
        },
        "head": {
            "type": "HeatmapHead",
            "in_channels": width,
            "out_channels": JOINTS,
            "deconv_out_channels": (channels, channels),
            "deconv_kernel_sizes": (4, 4),
            "loss": {"type": "KeypointMSELoss", "use_target_weight": True},
            "decoder": written,
        },
        "test_cfg": {
            "flip_test": settings.flip_test,
            "flip_mode": "heatmap",
            "shift_heatmap": settings.codec == "msra",
        },
    }


def schedule(settings: PoseSettings) -> list[dict[str, Any]]:
    """A growing rate at the start, and a tenth of it from each milestone on."""
    warmup = {
        "type": "LinearLR",
        "begin": 0,
        "end": settings.warmup_iterations,
        "start_factor": 0.001,
        "by_epoch": False,
    }
    steps = {
        "type": "MultiStepLR",
        "begin": 0,
        "end": settings.epochs,
        "milestones": [int(epoch) for epoch in settings.milestones],
        "gamma": 0.1,
        "by_epoch": True,
    }
    return [warmup, steps] if settings.warmup_iterations else [steps]


def build_config(
    settings: PoseSettings,
    weights: str | Path,
    root: str | Path,
    seed: int,
    *,
    indices: Sequence[int] | None = None,
    skip: Mapping[str, Mapping[str, Sequence[int]]] = NOTHING,
) -> Config:
    """A complete config of one training run and its test.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder.
        seed: the repetition's.
        indices: training people, in the reader's order; None: all.
        skip: ``skip`` (people) and ``skip_images``, by number, that are left out, by part.

    Raises:
        MimicError: there is no such encoder, or it does not fit the input size.
    """
    sizes = encoder_sizes(settings.architecture, weights, settings.size)
    left_out = {part: {key: list(numbers) for key, numbers in block.items()} for part, block in skip.items()}
    written = codec(settings, sizes)
    training, testing = pipelines(settings, written)
    data = {"type": "MimicCoco", "data_root": str(root)}
    optimizer = {
        "type": "AdamW",
        "lr": settings.learning_rate,
        "betas": tuple(settings.betas),
        "weight_decay": settings.weight_decay,
    }
    truth = str(Path(root) / "annotations" / f"person_keypoints_{PARTS['test']}.json")
    return Config(
        {
            "default_scope": "mmpose",
            "custom_imports": {"imports": IMPORTS, "allow_failed_imports": False},
            "work_dir": "work_dirs/pose",
            "randomness": {"seed": seed % 2**32},
            "env_cfg": {"cudnn_benchmark": False, "mp_cfg": {"mp_start_method": "fork", "opencv_num_threads": 0}},
            "model": model_config(settings, weights, seed, written, sizes.width),
            "train_dataloader": {
                "batch_size": settings.batch_size,
                "num_workers": settings.workers,
                "sampler": {"type": "DefaultSampler", "shuffle": True},
                "dataset": {
                    **data,
                    "part": "train",
                    **left_out["train"],
                    "seed": seed,
                    "indices": None if indices is None else [int(row) for row in indices],
                    "pipeline": training,
                },
            },
            "test_dataloader": {
                "batch_size": min(settings.batch_size, 64),
                "num_workers": settings.workers,
                "sampler": {"type": "DefaultSampler", "shuffle": False, "round_up": False},
                "dataset": {
                    **data,
                    "part": "test",
                    **left_out["test"],
                    "test_mode": True,
                    "bbox_file": settings.boxes,
                    "pipeline": testing,
                },
            },
            "optim_wrapper": {
                "type": "OptimWrapper",
                "optimizer": optimizer,
                "constructor": "MimicLayerDecay",
                "paramwise_cfg": {"layer_decay": settings.layer_decay},
                "clip_grad": {"max_norm": settings.clip_gradient},
            },
            "param_scheduler": schedule(settings),
            "train_cfg": {"by_epoch": True, "max_epochs": settings.epochs},
            "test_cfg": {},
            "test_evaluator": [{"type": "CocoMatches", "ann_file": truth, **left_out["test"]}],
            "default_hooks": {"checkpoint": {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 1}},
            "custom_hooks": [{"type": "EpochOfData"}],
        }
    )
