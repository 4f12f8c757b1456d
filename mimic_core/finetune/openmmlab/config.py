"""The common part of the configs of OpenMMLab tasks. Each config is complete and runs with OpenMMLab's own tools.

Import this after :func:`mimic_core.finetune.openmmlab.require_openmmlab`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mimic_core.finetune.settings import OpenMMLabSettings
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD

Block = dict[str, Any]

ENVIRONMENT: Block = {"cudnn_benchmark": False, "mp_cfg": {"mp_start_method": "fork", "opencv_num_threads": 0}}
CHECKPOINTS: Block = {"checkpoint": {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 1}}


def pixel_statistics() -> Block:
    """Return ImageNet's mean and standard deviation in the format of the data preprocessors."""
    return {"mean": [255 * value for value in IMAGENET_MEAN], "std": [255 * value for value in IMAGENET_STD]}


def backbone_config(settings: OpenMMLabSettings, weights: str | Path, seed: int, **options: Any) -> Block:
    """Return the config of the encoder; ``options`` are more arguments of :class:`~.backbone.MimicBackbone`."""
    return {
        "type": "MimicBackbone",
        "weights": str(weights),
        "architecture": dict(settings.architecture),
        "seed": seed,
        "frozen": settings.mode == "frozen",
        "drop_path": settings.drop_path,
        **options,
        "bf16": uses_bfloat16(settings.precision),
    }


def loader_config(settings: OpenMMLabSettings, batch: int, sampler: Block, dataset: Block) -> Block:
    """Return the config of a data loader with ``batch`` samples per batch."""
    return {
        "batch_size": batch,
        "num_workers": settings.workers,
        "sampler": {"type": "DefaultSampler", **sampler},
        "dataset": dataset,
    }


def optimizer_config(settings: OpenMMLabSettings, clip_gradient: float | None) -> Block:
    """Return the config of AdamW with layer-wise learning rates; ``clip_gradient``: largest gradient norm or None."""
    optimizer = {
        "type": "AdamW",
        "lr": settings.learning_rate,
        "betas": tuple(settings.betas),
        "weight_decay": settings.weight_decay,
    }
    clipped = {} if clip_gradient is None else {"clip_grad": {"max_norm": clip_gradient}}
    return {
        "type": "OptimWrapper",
        "optimizer": optimizer,
        "constructor": "MimicLayerDecay",
        "paramwise_cfg": {"layer_decay": settings.layer_decay},
        **clipped,
    }


def run_config(
    settings: OpenMMLabSettings,
    seed: int,
    *,
    library: str,
    registered: str,
    model: Block,
    data: Block,
    training: Block,
    test: Block,
    test_batch: int = 1,
    test_sampler: Mapping[str, Any] | None = None,
    indices: list[int] | None = None,
    schedule: Sequence[Block],
    evaluator: Sequence[Block],
    clip_gradient: float | None = None,
) -> Config:
    """Return the complete config of one training run and its test.

    Args:
        settings: settings of the job.
        seed: seed of the repetition.
        library: ``mmseg`` or ``mmpose``.
        registered: name of the file in ``openmmlab/`` that registers the task's classes.
        model, data: the model; arguments that both datasets share.
        training, test: further arguments of the training or the test dataset.
        test_batch: batch size of the test.
        test_sampler: arguments of the test sampler.
        indices: rows of the training samples in the reader's order; None: all.
        schedule: learning rate schedulers.
        evaluator: the metrics.
        clip_gradient: largest gradient norm; None: no clipping.
    """
    imports = [f"mimic_core.finetune.openmmlab.{name}" for name in ("registered", registered)]
    return Config(
        {
            "default_scope": library,
            "custom_imports": {"imports": imports, "allow_failed_imports": False},
            "work_dir": f"work_dirs/{registered}",
            "randomness": {"seed": seed % 2**32},
            "env_cfg": ENVIRONMENT,
            "model": model,
            "train_dataloader": loader_config(
                settings,
                settings.batch_size,
                {"shuffle": True},
                {**data, "part": "train", "seed": seed, "indices": indices, **training},
            ),
            "test_dataloader": loader_config(
                settings, test_batch, {"shuffle": False, **(test_sampler or {})}, {**data, "part": "test", **test}
            ),
            "optim_wrapper": optimizer_config(settings, clip_gradient),
            "param_scheduler": list(schedule),
            "train_cfg": {"by_epoch": True, "max_epochs": settings.epochs},
            "test_cfg": {},
            "test_evaluator": list(evaluator),
            "default_hooks": CHECKPOINTS,
            "custom_hooks": [{"type": "EpochOfData"}],
        }
    )
