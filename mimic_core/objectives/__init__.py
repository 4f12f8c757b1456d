"""The pretraining objectives: one folder each, listed by name in :data:`OBJECTIVES`.

A folder defines ``LABEL`` (and ``UNUSED``, see :func:`unused_keys`) in its ``__init__.py``, and ``OBJECTIVE`` in its
``objective.py``. This module does not import torch, since the reports need only names and labels.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mimic_core.kit.doors import lazy_door
from mimic_core.kit.errors import MimicError

if TYPE_CHECKING:
    from mimic_core.objectives.augment import draw_boxes, normalise, to_float
    from mimic_core.objectives.base import Batch, Objective, RunSettings
    from mimic_core.objectives.cost import Cost
    from mimic_core.objectives.files import load_model, objective_of, save_model
    from mimic_core.objectives.painter import Painter
    from mimic_core.objectives.pictures import draw_pictures, hidden, painted, viewable
    from mimic_core.objectives.stores import Arrays, ImageStore, Items, Request, Store, resize

__all__ = [
    "OBJECTIVES",
    "Arrays",
    "Batch",
    "Cost",
    "ImageStore",
    "Items",
    "Objective",
    "Painter",
    "Request",
    "RunSettings",
    "Store",
    "draw_boxes",
    "draw_pictures",
    "get_objective",
    "hidden",
    "label",
    "load_model",
    "normalise",
    "objective_of",
    "painted",
    "resize",
    "save_model",
    "to_float",
    "unused_keys",
    "viewable",
]

OBJECTIVES = ("mae", "croco", "dino")
MODULES = {"Cost": "cost", "Painter": "painter"}  # name -> module; all other names are in base
MODULES |= dict.fromkeys(("draw_boxes", "normalise", "to_float"), "augment")
MODULES |= dict.fromkeys(("load_model", "objective_of", "save_model"), "files")
MODULES |= dict.fromkeys(("Arrays", "ImageStore", "Items", "Request", "Store", "resize"), "stores")
MODULES |= dict.fromkeys(("draw_pictures", "hidden", "painted", "viewable"), "pictures")


def get_objective(name: str) -> "Objective[Any]":
    """Return the objective of that name with default options.

    Raises:
        MimicError: there is no objective of that name.
    """
    if name not in OBJECTIVES:
        remedy = f"choose one of {', '.join(OBJECTIVES)}"
        raise MimicError(f"there is no pretraining objective {name!r}", where="pretrain.model", remedy=remedy)
    found: Objective[Any] = import_module(f"{__name__}.{name}.objective").OBJECTIVE
    return found


def label(name: str) -> str:
    """Return an objective's name in the reports, or ``name`` itself if it is not an objective."""
    return str(import_module(f"{__name__}.{name}").LABEL) if name in OBJECTIVES else name


def unused_keys(name: str) -> tuple[str, ...]:
    """Return the keys of ``pretrain`` that an objective does not read, such as the size of a vision transformer."""
    folder = import_module(f"{__name__}.{name}") if name in OBJECTIVES else None
    return tuple(getattr(folder, "UNUSED", ()))


__getattr__ = lazy_door(__name__, MODULES, __all__, "base")
