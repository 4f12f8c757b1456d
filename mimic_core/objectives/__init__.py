"""The pretraining objectives by name. A new one is a folder beside these and a line here."""

from mimic_core.kit.errors import MimicError
from mimic_core.objectives.base import Objective, Request
from mimic_core.objectives.croco.objective import CroCoObjective
from mimic_core.objectives.dino.objective import DINOObjective
from mimic_core.objectives.files import PretrainingModel, load_model, save_model
from mimic_core.objectives.mae.objective import MAEObjective

__all__ = ["OBJECTIVES", "Objective", "PretrainingModel", "Request", "get_objective", "load_model", "save_model"]

OBJECTIVES: dict[str, Objective] = {"mae": MAEObjective(), "croco": CroCoObjective(), "dino": DINOObjective()}


def get_objective(name: str) -> Objective:
    """The objective of that name; :class:`MimicError` where there is none."""
    if name not in OBJECTIVES:
        remedy = f"choose one of {', '.join(OBJECTIVES)}"
        raise MimicError(f"there is no pretraining objective {name!r}", where="pretrain.model", remedy=remedy)
    return OBJECTIVES[name]
