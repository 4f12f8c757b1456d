"""AdamW with layer-wise learning rates, and the schedule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from mimic_core.finetune.model import DenseModel
from mimic_core.finetune.settings import DenseSettings
from mimic_core.kit.schedules import warmed_up

START = 1e-6  # learning rate that the warm-up begins with (paper, appendix D)
ENCODERS = ("encoder.", "backbone.encoder.")  # what the names of an encoder's parameters begin with


def layer_of(name: str, depth: int) -> int:
    """Layer of a model's parameter, by its name.

    Args:
        name: as of ``named_parameters()``; those of the encoder begin with one of :data:`ENCODERS`.
        depth: number of the encoder's blocks.

    Returns:
        0 for the embedding, 1 to ``depth`` for the blocks, ``depth`` + 1 for what follows: the encoder's last norm, and
        all heads.
    """
    start = next((start for start in ENCODERS if name.startswith(start)), None)
    if start is None:
        return depth + 1
    inside = name.removeprefix(start)
    if inside.startswith("blocks."):
        return int(inside.split(".")[1]) + 1
    return depth + 1 if inside.startswith("norm.") else 0


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]], depth: int, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups of the parameters that learn, each with its share of the learning rate and its weight decay.

    A head's ``lr_scale`` is 1, the last block's ``layer_decay``, and so on down to the embedding (BEiT's layer-wise
    decay, as the released MultiMAE). Biases, norms and tokens are not decayed.

    Args:
        named: names and parameters, as for :func:`layer_of`.
        depth: number of the encoder's blocks.
        layer_decay: learning rate of a layer over that of the one above it.
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
    """AdamW over :func:`parameter_groups`, those of the head first."""
    first, second = settings.betas
    parts = (("head", model.head), ("encoder", model.encoder))
    named = ((f"{part}.{name}", parameter) for part, module in parts for name, parameter in module.named_parameters())
    groups = parameter_groups(named, model.encoder.depth, settings.layer_decay, settings.weight_decay)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(first, second), fused=True)


def learning_rate(epoch: float, *, peak: float, epochs: float, warmup_epochs: float) -> float:
    """Rate of the head after ``epoch`` (a fraction counts): linear warm-up from 1e-6, then half a cosine down to 0."""
    return warmed_up(epoch, peak=peak, epochs=epochs, warmup_epochs=warmup_epochs, start=START)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of ``rate``."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_scale"]
