"""Layer-wise learning rates and the cosine schedule of :mod:`mimic_core.finetune.optimizer` for OpenMMLab's runner."""

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
    """Groups of the parameters that learn, of a model whose ``backbone`` is a ``MimicBackbone``.

    ``paramwise_cfg`` holds ``layer_decay``: the head learns at the optimizer's rate, the last block at ``layer_decay``
    times it, and so on down to the embedding. Biases, norms and tokens are not decayed.
    """

    def add_params(self, params: list[dict[str, Any]], module: nn.Module, **_: Any) -> None:
        """Add the groups of ``module``, the whole model, to ``params``."""
        depth = int(module.get_submodule(ENCODER).depth)  # type: ignore[arg-type]
        layer_decay = self.paramwise_cfg["layer_decay"]
        for group in parameter_groups(module.named_parameters(), depth, layer_decay, self.base_wd):
            params.append({**group, "lr": self.base_lr * group["lr_scale"]})


@PARAM_SCHEDULERS.register_module()
class MimicCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up from 1e-6, then half a cosine to 0, by iterations; mmengine's own two do not warm up in one step.

    Args:
        optimizer: whose groups carry their share of the rate.
        rate: peak rate of the head.
        epochs, warmup_epochs: the schedule.
        epoch_length: iterations of an epoch; the runner gives it where the config has ``convert_to_iter_based``.
        options: of mmengine's scheduler.
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
        """The scheduler that steps after every iteration."""
        return cls(*args, **{**options, "by_epoch": False})

    def _get_value(self) -> list[float]:
        """Rate of every group at this step."""
        rate = learning_rate(self.last_step / self.epoch_length, **self.schedule)
        return [base * rate / self.peak for base in self.base_values]
