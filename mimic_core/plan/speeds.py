"""Speed of pretraining: of this model on this device where it was measured, else carried over by operations."""

from __future__ import annotations

import math

from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.models import MASKED, Model

SHAPES = {  # the sizes that the table's speeds hold for
    "sample": (ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3)),
    "vit_base": (ViTSettings(), DecoderSettings()),
}


def speed_name(model: str, device: str, shape: str) -> str:
    """Name of a speed in the table: ``pretrain.croco.gpu.vit_base``."""
    return f"pretrain.{model}.{device}.{shape}"


def pretrain_speed(model: Model, costs: Costs, device: str) -> Cost:
    """Pairs a second of a run on one device: a GPU, or a core.

    The table's speed of the same model at the nearest size, divided by the ratio of operations; where it has none of
    that model on that device, CroCo's.
    """
    candidates = [
        (name, shape)
        for name in dict.fromkeys((model.name, "croco"))
        for shape in SHAPES
        if speed_name(name, device, shape) in costs
    ]
    known = [(name, shape) for name, shape in candidates if name == model.name] or candidates
    measured = {(name, shape): operations_of(name, shape) for name, shape in known}
    name, shape = min(measured, key=lambda key: abs(math.log(measured[key] / model.operations)))
    cost = costs[speed_name(name, device, shape)]
    ratio = measured[name, shape] / model.operations
    if abs(ratio - 1) < 1e-6:
        return cost
    source = f"{cost.value:g} pairs/s of {name} at size {shape} ({cost.label}), x {ratio:.3g}, the ratio of operations"
    return Cost(cost.name, cost.value * ratio, cost.unit, "derived", source)


def operations_of(name: str, shape: str) -> float:
    """Operations of a pair of a model at a size of :data:`SHAPES`."""
    encoder, decoder = SHAPES[shape]
    return Model(name, "", encoder, decoder, MASKED[name], 1, 0).operations
