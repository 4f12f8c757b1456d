"""Models: the vision transformer, MAE, CroCo, downstream heads, and their weights in files."""

from mimic_core.models.croco import CroCo
from mimic_core.models.mae import MAE
from mimic_core.models.naver import NaverCroCo
from mimic_core.models.settings import DecoderSettings, ViTSettings, named_vit
from mimic_core.models.vit import Encoder
from mimic_core.models.weights import (
    build_encoder,
    export_multimae,
    export_timm,
    load_model,
    load_pretrained,
    save_encoder,
)

__all__ = [
    "MAE",
    "CroCo",
    "DecoderSettings",
    "Encoder",
    "NaverCroCo",
    "ViTSettings",
    "build_encoder",
    "export_multimae",
    "export_timm",
    "load_model",
    "load_pretrained",
    "named_vit",
    "save_encoder",
]
