"""Pretraining speed of a model on a device: measured if available, else scaled by operations from another model."""

from __future__ import annotations

import math

from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.models import Model

SHAPES = {  # the model sizes of the speeds in the table
    "sample": (ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3)),
    "vit_base": (ViTSettings(), DecoderSettings()),
}


def speed_name(model: str, device: str, shape: str) -> str:
    """Return the name of a speed in the table, such as ``pretrain.<objective>.gpu.vit_base``."""
    return f"pretrain.{model}.{device}.{shape}"


def measured_speeds(costs: Costs, device: str) -> list[tuple[str, str]]:
    """Return objective and size of every speed in the table for a device, in the table's order."""
    parts = (name.split(".") for name in costs if name.startswith("pretrain."))
    return [(model, shape) for _, model, on, shape in parts if on == device and shape in SHAPES]


def pretrain_speed(model: Model, costs: Costs, device: str) -> Cost:
    """Return the pairs per second of a run on one device: a GPU, or a core.

    Scales the table's speed for the same objective at the nearest size by the ratio of operations. If the table has no
    speed for that objective on that device, uses its first objective on that device.
    """
    found = measured_speeds(costs, device)
    first = found[0][0] if found else model.name
    name = model.name if any(name == model.name for name, _ in found) else first
    known = {shape: operations_of(name, shape) for one, shape in found if one == name}
    if not known:
        return costs[speed_name(name, device, next(iter(SHAPES)))]  # raises: the table has no speed for the device
    shape = min(known, key=lambda one: abs(math.log(known[one] / model.operations)))
    cost = costs[speed_name(name, device, shape)]
    ratio = known[shape] / model.operations
    if abs(ratio - 1) < 1e-6:
        return cost
    source = f"{cost.value:g} pairs/s of {name} at size {shape} ({cost.label}), x {ratio:.3g}, the ratio of operations"
    return Cost(cost.name, cost.value * ratio, cost.unit, "derived", source)


def operations_of(name: str, shape: str) -> float:
    """Return an objective's operations per pair at a size of :data:`SHAPES`."""
    return Model(name, *SHAPES[shape]).operations
