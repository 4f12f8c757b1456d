"""Layer-wise learning rates and the cosine schedule of :mod:`mimic_core.finetune.optimizer` for OpenMMLab."""

from __future__ import annotations

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, _ParamScheduler
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS
from torch import nn
from torch.optim import Optimizer

from mimic_core.finetune.optimizer import learning_rate, parameter_groups

ENCODER = "backbone.encoder"


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()  # the root registry: those of mmseg and mmpose fall back to it
class MimicLayerDecay(DefaultOptimWrapperConstructor):
    """Groups the trainable parameters of a model whose ``backbone`` is a ``MimicBackbone``.

    ``paramwise_cfg`` holds ``layer_decay``: the head gets the optimizer's learning rate, the last block ``layer_decay``
    times it, and so on down to the embedding. Biases, norms and tokens get no weight decay.
    """

    def add_params(self, params: list[dict[str, Any]], module: nn.Module, **_: Any) -> None:
        """Add the parameter groups of ``module``, the entire model, to ``params``."""
        depth = int(module.get_submodule(ENCODER).depth)  # type: ignore[arg-type]
        layer_decay = self.paramwise_cfg["layer_decay"]
        for group in parameter_groups(module.named_parameters(), depth, layer_decay, self.base_wd):
            params.append({**group, "lr": self.base_lr * group["lr_scale"]})


@PARAM_SCHEDULERS.register_module()
class MimicCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up from 1e-6, then cosine decay to 0, per iteration.

    One scheduler replaces two of mmengine's, which need more than one iteration of warm-up.

    Args:
        optimizer: its groups have learning rates scaled per layer.
        rate: peak learning rate of the head.
        epochs, warmup_epochs: length of the schedule and of its warm-up.
        epoch_length: iterations per epoch, which the runner passes if the config has ``convert_to_iter_based``.
        options: arguments of mmengine's scheduler.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        rate: float,
        epochs: int,
        warmup_epochs: float,
        epoch_length: int = 1,
        **options: Any,
    ) -> None:
        self.peak = rate
        self.schedule = {"peak": rate, "epochs": epochs, "warmup_epochs": warmup_epochs}
        self.epoch_length = epoch_length
        super().__init__(optimizer, **options)

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, **options: Any) -> MimicCosineLR:
        """Build the scheduler to step after every iteration."""
        return cls(*args, **{**options, "by_epoch": False})

    def _get_value(self) -> list[float]:
        """Return the learning rate of every group at this step."""
        rate = learning_rate(self.last_step / self.epoch_length, **self.schedule)
        return [base * rate / self.peak for base in self.base_values]
