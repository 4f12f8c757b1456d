"""Schedules of learning rate and weight decay, optimizer, gradient clipping (paper, section 4.1; as released MAE)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from mimic_core.kit.schedules import between, warmed_up
from mimic_core.pretrain.settings import PretrainSettings


def learning_rate(epoch: float, settings: PretrainSettings, effective_batch: int) -> float:
    """Return the learning rate: a linear warm-up, then half a cosine down to ``final_lr``.

    Args:
        epoch: epochs done so far, as a fraction.
        settings: uses ``base_lr`` (at a batch of 256), ``warmup_start`` (a share of the highest rate), ``final_lr``,
            ``warmup_epochs`` and ``epochs``.
        effective_batch: samples per optimizer step, over all processes.
    """
    peak = settings.base_lr * effective_batch / 256
    return warmed_up(
        epoch,
        peak=peak,
        epochs=settings.epochs,
        warmup_epochs=settings.warmup_epochs,
        start=settings.warmup_start * peak,
        end=settings.final_lr,
    )


def weight_decay(epoch: float, settings: PretrainSettings) -> float:
    """Return the weight decay: half a cosine from ``weight_decay`` to ``weight_decay_end`` over all epochs."""
    end = settings.weight_decay if settings.weight_decay_end is None else settings.weight_decay_end
    return between(settings.weight_decay, end, epoch / settings.epochs)


def schedule(optimizer: torch.optim.Optimizer, epoch: float, settings: PretrainSettings, effective_batch: int) -> None:
    """Set an optimizer's learning rate and weight decay for an epoch, which may be fractional."""
    for group in optimizer.param_groups:
        group["lr"] = group["factor"] * learning_rate(epoch, settings, effective_batch)
        if group["decays"]:
            group["weight_decay"] = weight_decay(epoch, settings)


def clip_gradients(parameters: Iterable[nn.Parameter], settings: PretrainSettings) -> Tensor:
    """Clip gradients, jointly or per parameter as configured; return their total norm before clipping."""
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    most = float("inf") if settings.clip_gradient is None else settings.clip_gradient
    if not settings.clip_each:
        return nn.utils.clip_grad_norm_(trained, most)
    norms = [nn.utils.clip_grad_norm_([parameter], most) for parameter in trained]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def make_optimizer(
    model: nn.Module, settings: PretrainSettings, rate_factor: Callable[[str], float] = lambda name: 1.0
) -> torch.optim.AdamW:
    """Create a fused AdamW with weight decay on matrices and tokens, but not on biases and norms.

    Args:
        model: the model to train.
        settings: settings of the run.
        rate_factor: returns a parameter's learning rate as a multiple of the run's, by name.
    """
    trained = [(rate_factor(name), one) for name, one in model.named_parameters() if one.requires_grad]
    groups = [
        {"params": own, "weight_decay": decays * settings.weight_decay, "decays": decays, "factor": factor}
        for factor in sorted({factor for factor, _ in trained}, reverse=True)
        for decays in (True, False)
        if (own := [one for its_factor, one in trained if its_factor == factor and (one.ndim > 1) == decays])
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=(settings.betas[0], settings.betas[1]), fused=True)
