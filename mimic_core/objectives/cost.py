"""Count what training costs, in operations and parameters, on a model without values (``meta`` device)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

if TYPE_CHECKING:
    from mimic_core.objectives.base import Objective, RunSettings

BACKWARD = 2  # operations of a backward pass, relative to the forward pass


@dataclass(frozen=True)
class Cost:
    """What training a model costs.

    Attributes:
        operations: floating-point operations per training sample, forward and backward; a multiplication and an
            addition are two. Matrix products and convolutions count; norms, activations and softmax, a few per cent,
            do not.
        encoder: parameters and buffers of the encoder that a run saves.
        model: parameters and buffers of the whole model.
        trained: parameters that are trained.
    """

    operations: float
    encoder: int
    model: int
    trained: int


class OperationCounter(TorchDispatchMode):
    """Count the operations of a training step from its forward pass, which must run inside this context.

    Adds twice as many for the backward pass, except for operations without gradients.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operator and count its operations."""
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            both = 1 + BACKWARD if torch.is_grad_enabled() else 1
            self.operations += both * int(formula(*args, **(kwargs or {}), out_val=out))
        return out


def training_operations(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Count the floating-point operations of a training step on these inputs, forward and backward."""
    with torch.enable_grad(), OperationCounter() as counter:
        model(*inputs)
    operations: int = counter.operations
    return operations


def count_cost(objective: Objective[Any], settings: RunSettings) -> Cost:
    """Count the cost on a model of ``meta`` tensors, which takes no memory and computes nothing.

    Args:
        objective: the objective, with the run's options.
        settings: settings of the run.
    """
    inputs = objective.example(settings)
    with torch.device("meta"):
        model = objective.build(settings).train()
        encoder = model.encoder()
    operations = training_operations(model, tuple(values.to("meta") for values in inputs))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Cost(operations, count_values(encoder), count_values(model), trained)


def count_values(model: nn.Module) -> int:
    """Count the values of all parameters and buffers in a file of the model."""
    return sum(values.numel() for values in model.state_dict().values())
