"""Pretrain an encoder on image pairs."""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.pretrain.run import pretrain
    from mimic_core.pretrain.settings import PretrainSettings

__all__ = [
    "PretrainSettings",
    "pretrain",
]

MODULES = {  # imported on first use, so that importing the package does not load torch
    "pretrain": "run",
    "PretrainSettings": "settings",
}

__getattr__ = lazy_door(__name__, MODULES)
