"""The pretraining objectives by name. A new one is a file beside these and a line here."""

from mimic_core.kit.errors import MimicError
from mimic_core.pretrain.objectives.base import Objective
from mimic_core.pretrain.objectives.croco import CroCoObjective
from mimic_core.pretrain.objectives.dino import DINOObjective
from mimic_core.pretrain.objectives.mae import MAEObjective

__all__ = ["OBJECTIVES", "Objective", "get_objective"]

OBJECTIVES: dict[str, Objective] = {"mae": MAEObjective(), "croco": CroCoObjective(), "dino": DINOObjective()}


def get_objective(name: str) -> Objective:
    """The objective of that name; :class:`MimicError` where there is none."""
    if name not in OBJECTIVES:
        remedy = f"choose one of {', '.join(OBJECTIVES)}"
        raise MimicError(f"there is no pretraining objective {name!r}", where="pretrain.model", remedy=remedy)
    return OBJECTIVES[name]
