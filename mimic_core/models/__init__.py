"""Models: the vision transformer, downstream heads, and their weights in files."""

from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.settings import DecoderSettings, ViTSettings, named_vit
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
