"""What training costs: operations and numbers kept, counted on a model that has sizes and no values."""

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

BACKWARD = 2  # operations of a backward pass over those of the forward pass


@dataclass(frozen=True)
class Cost:
    """What a model of an objective takes.

    Attributes:
        operations: floating-point operations of one training sample, forward and backward; a multiplication and an
            addition are two. Products and convolutions count; norms, activations and softmax, a few per cent, do not.
        encoder: numbers in the encoder that a run leaves.
        model: numbers in the whole model.
        trained: of these, the ones that the optimizer moves.
    """

    operations: float
    encoder: int
    model: int
    trained: int


class OperationCounter(TorchDispatchMode):
    """Counts the operations of training on what is computed inside its context, which is the forward pass alone.

    A backward pass takes twice as many, and is not counted for what is computed without gradients.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Compute, and count."""
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            both = 1 + BACKWARD if torch.is_grad_enabled() else 1
            self.operations += both * int(formula(*args, **(kwargs or {}), out_val=out))
        return out


def training_operations(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Floating-point operations of a training step of a model on these inputs, forward and backward."""
    with torch.enable_grad(), OperationCounter() as counter:
        model(*inputs)
    operations: int = counter.operations
    return operations


def count_cost(objective: Objective[Any], settings: RunSettings) -> Cost:
    """Count on a model of ``meta`` tensors, which takes neither memory nor the time of computing.

    Args:
        objective: with the run's options.
        settings: the run's.
    """
    inputs = objective.example(settings)
    with torch.device("meta"):
        model = objective.build(settings).train()
        encoder = model.encoder()
    operations = training_operations(model, tuple(values.to("meta") for values in inputs))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Cost(operations, numbers(encoder), numbers(model), trained)


def numbers(model: nn.Module) -> int:
    """Parameters and buffers that a file of the model holds."""
    return sum(values.numel() for values in model.state_dict().values())
