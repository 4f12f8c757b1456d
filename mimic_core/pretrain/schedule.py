"""The learning rate over the iterations, and the optimiser (paper, section 4.1; as the released MAE)."""

from __future__ import annotations

import math

import torch
from torch import nn

from mimic_core.pretrain.settings import PretrainSettings

BETAS = (0.9, 0.95)


def learning_rate(epoch: float, settings: PretrainSettings, effective_batch: int) -> float:
    """Linear warm-up from 0, then half a cosine down to 0.

    Args:
        epoch: epochs done so far, with its fraction.
        settings: ``base_lr`` (at a batch of 256), ``warmup_epochs`` and ``epochs`` are used.
        effective_batch: samples of one step of the optimiser, over all processes.
    """
    peak = settings.base_lr * effective_batch / 256
    if epoch < settings.warmup_epochs:
        return peak * epoch / settings.warmup_epochs
    left = max(settings.epochs - settings.warmup_epochs, 1e-9)
    return peak * 0.5 * (1 + math.cos(math.pi * min((epoch - settings.warmup_epochs) / left, 1)))


def make_optimizer(model: nn.Module, settings: PretrainSettings) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices and tokens, and none on biases and norms; fused where the device can."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=BETAS, fused=True)
