"""AdamW with layer-wise learning rates, and the schedule."""

from __future__ import annotations

import math
from typing import Any

import torch

from mimic_core.finetune.model import DenseModel
from mimic_core.finetune.settings import FinetuneSettings

START = 1e-6  # learning rate that the warm-up begins with (paper, appendix D)


def layer_of(name: str, depth: int) -> int:
    """Layer of an encoder's parameter: 0 is the embedding, 1 to ``depth`` the blocks, ``depth`` + 1 what follows."""
    if name.startswith("blocks."):
        return int(name.split(".")[1]) + 1
    return depth + 1 if name.startswith("norm.") else 0


def parameter_groups(model: DenseModel, settings: FinetuneSettings) -> list[dict[str, Any]]:
    """Groups of parameters that learn, each with its ``scale`` of the learning rate and its weight decay.

    The head's scale is 1, the last block's ``layer_decay``, and so on down to the embedding (BEiT's layer-wise decay,
    as the released MultiMAE). Biases, norms and tokens are not decayed.
    """
    depth = model.encoder.depth
    named = [(f"head.{name}", parameter, depth + 1) for name, parameter in model.head.named_parameters()]
    named += [(name, parameter, layer_of(name, depth)) for name, parameter in model.encoder.named_parameters()]
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter, layer in named:
        if not parameter.requires_grad:
            continue
        decays = parameter.ndim > 1 and not name.endswith(("cls_token", "pos_embed"))
        start = {
            "params": [],
            "scale": settings.layer_decay ** (depth + 1 - layer),
            "weight_decay": settings.weight_decay if decays else 0.0,
        }
        groups.setdefault((layer, decays), start)["params"].append(parameter)
    return list(groups.values())


def build_optimizer(model: DenseModel, settings: FinetuneSettings) -> torch.optim.AdamW:
    """AdamW over :func:`parameter_groups`."""
    first, second = settings.betas
    groups = parameter_groups(model, settings)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(first, second), fused=True)


def learning_rate(epoch: float, settings: FinetuneSettings) -> float:
    """Rate of the head after ``epoch`` (a fraction counts): linear warm-up from 1e-6, then half a cosine down to 0."""
    if epoch < settings.warmup_epochs:
        return START + (settings.learning_rate - START) * epoch / settings.warmup_epochs
    done = (epoch - settings.warmup_epochs) / (settings.epochs - settings.warmup_epochs)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of ``rate``."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
