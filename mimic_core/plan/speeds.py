"""Speed of pretraining: of this model on this device where it was measured, else carried over by operations."""

from __future__ import annotations

import math

from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.models import Model

SHAPES = {  # the sizes that the table's speeds hold for
    "sample": (ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3)),
    "vit_base": (ViTSettings(), DecoderSettings()),
}


def speed_name(model: str, device: str, shape: str) -> str:
    """Name of a speed in the table: ``pretrain.<objective>.gpu.vit_base``."""
    return f"pretrain.{model}.{device}.{shape}"


def measured_speeds(costs: Costs, device: str) -> list[tuple[str, str]]:
    """Objective and size of every speed that the table has of a device, in its order."""
    parts = (name.split(".") for name in costs if name.startswith("pretrain."))
    return [(model, shape) for _, model, on, shape in parts if on == device and shape in SHAPES]


def pretrain_speed(model: Model, costs: Costs, device: str) -> Cost:
    """Pairs a second of a run on one device: a GPU, or a core.

    The table's speed of the same objective at the nearest size, divided by the ratio of operations; where it has none
    of that objective on that device, of the first that it has.
    """
    found = measured_speeds(costs, device)
    first = found[0][0] if found else model.name
    name = model.name if any(name == model.name for name, _ in found) else first
    known = {shape: operations_of(name, shape) for one, shape in found if one == name}
    if not known:
        return costs[speed_name(name, device, next(iter(SHAPES)))]  # refused: the table has none
    shape = min(known, key=lambda one: abs(math.log(known[one] / model.operations)))
    cost = costs[speed_name(name, device, shape)]
    ratio = known[shape] / model.operations
    if abs(ratio - 1) < 1e-6:
        return cost
    source = f"{cost.value:g} pairs/s of {name} at size {shape} ({cost.label}), x {ratio:.3g}, the ratio of operations"
    return Cost(cost.name, cost.value * ratio, cost.unit, "derived", source)


def operations_of(name: str, shape: str) -> float:
    """Operations of a pair of an objective at a size of :data:`SHAPES`."""
    return Model(name, *SHAPES[shape]).operations
