"""AdamW with layer-wise learning rates, and the learning rate schedule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from mimic_core.finetune.model import DenseModel
from mimic_core.finetune.settings import DenseSettings
from mimic_core.kit.schedules import warmed_up

WARMUP_START = 1e-6  # learning rate at the start of the warm-up (paper, appendix D)
ENCODER_PREFIXES = ("encoder.", "backbone.encoder.")  # prefixes of the names of encoder parameters


def layer_of(name: str, depth: int) -> int:
    """Return the layer of a parameter by its name.

    Args:
        name: from ``named_parameters()``; names in the encoder start with one of :data:`ENCODER_PREFIXES`.
        depth: number of the encoder's blocks.

    Returns:
        0 for the embedding, 1 to ``depth`` for the blocks, ``depth`` + 1 for the encoder's last norm and all heads.
    """
    start = next((start for start in ENCODER_PREFIXES if name.startswith(start)), None)
    if start is None:
        return depth + 1
    inside = name.removeprefix(start)
    if inside.startswith("blocks."):
        return int(inside.split(".")[1]) + 1
    return depth + 1 if inside.startswith("norm.") else 0


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]], depth: int, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Group the trainable parameters, each group with its learning rate scale and weight decay.

    ``lr_scale`` is 1 for heads, ``layer_decay`` for the last block, its square for the one before, and so on down to
    the embedding (BEiT's layer-wise decay, as in MultiMAE). Biases, norms and tokens get no weight decay.

    Args:
        named: names, as for :func:`layer_of`, and parameters.
        depth: number of the encoder's blocks.
        layer_decay: ratio of a layer's learning rate to that of the next layer.
        weight_decay: of matrices.
    """
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in named:
        if not parameter.requires_grad:
            continue
        layer = layer_of(name, depth)
        decays = parameter.ndim > 1 and not name.endswith(("cls_token", "pos_embed"))
        start = {
            "params": [],
            "lr_scale": layer_decay ** (depth + 1 - layer),
            "weight_decay": weight_decay if decays else 0.0,
        }
        groups.setdefault((layer, decays), start)["params"].append(parameter)
    return list(groups.values())


def build_optimizer(model: DenseModel, settings: DenseSettings) -> torch.optim.AdamW:
    """Build AdamW over :func:`parameter_groups`, the head's first."""
    first, second = settings.betas
    parts = (("head", model.head), ("encoder", model.encoder))
    named = ((f"{part}.{name}", parameter) for part, module in parts for name, parameter in module.named_parameters())
    groups = parameter_groups(named, model.encoder.depth, settings.layer_decay, settings.weight_decay)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(first, second), fused=True)


def learning_rate(epoch: float, *, peak: float, epochs: float, warmup_epochs: float) -> float:
    """Return the head's rate after ``epoch`` (fractional) epochs: linear warm-up from 1e-6, then cosine decay to 0."""
    return warmed_up(epoch, peak=peak, epochs=epochs, warmup_epochs=warmup_epochs, start=WARMUP_START)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate to ``rate`` times its ``lr_scale``."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_scale"]
