"""Models: the vision transformer, downstream heads, and their weights in files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.settings import DecoderSettings, ViTSettings, named_vit

if TYPE_CHECKING:
    from mimic_core.models.vit import Encoder
    from mimic_core.models.weights import (
        build_encoder,
        export_multimae,
        export_timm,
        load_pretrained,
        save_encoder,
    )

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "DecoderSettings",
    "Encoder",
    "ViTSettings",
    "build_encoder",
    "export_multimae",
    "export_timm",
    "load_pretrained",
    "named_vit",
    "save_encoder",
]

MODULES = {  # imported when first used, so that settings can be read without torch
    "Encoder": "vit",
    "build_encoder": "weights",
    "export_multimae": "weights",
    "export_timm": "weights",
    "load_pretrained": "weights",
    "save_encoder": "weights",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
