"""Pretraining: pairs in, an encoder out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_core.pretrain.data import resize
    from mimic_core.pretrain.run import pretrain
    from mimic_core.pretrain.settings import PretrainSettings

__all__ = [
    "PretrainSettings",
    "pretrain",
    "resize",
]

MODULES = {  # imported when first used: whoever asks for a run's lock alone needs no torch
    "resize": "data",
    "pretrain": "run",
    "PretrainSettings": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
