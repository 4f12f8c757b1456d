"""Models: the vision transformer, downstream heads, and reading and writing of weights (:mod:`weights`)."""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.models.attention import CrossAttention, SelfAttention
    from mimic_core.models.convnext import ConvNeXtHead
    from mimic_core.models.dpt import LEVELS, DPTHead
    from mimic_core.models.linear import matrix_product, speed_up_linear_layers
    from mimic_core.models.masked import MaskedModel
    from mimic_core.models.masking import (
        gather_tokens,
        kept_patches,
        masked_loss,
        normalise_patches,
        patchify,
        random_masking,
        restore_tokens,
        unpatchify,
    )
    from mimic_core.models.operations import convolution, dpt_head
    from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD
    from mimic_core.models.settings import DecoderSettings, EncoderName, ViTSettings, named_vit, vit_settings
    from mimic_core.models.vit import Encoder, Norm, initialise, make_blocks, sincos_positions
    from mimic_core.models.weights import build_encoder, export_multimae, export_timm, load_pretrained, save_encoder

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "LEVELS",
    "ConvNeXtHead",
    "CrossAttention",
    "DPTHead",
    "DecoderSettings",
    "Encoder",
    "EncoderName",
    "MaskedModel",
    "Norm",
    "SelfAttention",
    "ViTSettings",
    "build_encoder",
    "convolution",
    "dpt_head",
    "export_multimae",
    "export_timm",
    "gather_tokens",
    "initialise",
    "kept_patches",
    "load_pretrained",
    "make_blocks",
    "masked_loss",
    "matrix_product",
    "named_vit",
    "normalise_patches",
    "patchify",
    "random_masking",
    "restore_tokens",
    "save_encoder",
    "sincos_positions",
    "speed_up_linear_layers",
    "unpatchify",
    "vit_settings",
]

MODULES = {  # imported on first use, so that settings can be read without torch
    **dict.fromkeys(("CrossAttention", "SelfAttention"), "attention"),
    "ConvNeXtHead": "convnext",
    **dict.fromkeys(("LEVELS", "DPTHead"), "dpt"),
    **dict.fromkeys(("matrix_product", "speed_up_linear_layers"), "linear"),
    "MaskedModel": "masked",
    **dict.fromkeys(
        (
            "gather_tokens",
            "kept_patches",
            "masked_loss",
            "normalise_patches",
            "patchify",
            "random_masking",
            "restore_tokens",
            "unpatchify",
        ),
        "masking",
    ),
    **dict.fromkeys(("convolution", "dpt_head"), "operations"),
    **dict.fromkeys(("IMAGENET_MEAN", "IMAGENET_STD"), "pixels"),
    **dict.fromkeys(("DecoderSettings", "EncoderName", "ViTSettings", "named_vit", "vit_settings"), "settings"),
    **dict.fromkeys(("Encoder", "Norm", "initialise", "make_blocks", "sincos_positions"), "vit"),
    **dict.fromkeys(("build_encoder", "export_multimae", "export_timm", "load_pretrained", "save_encoder"), "weights"),
}

__getattr__ = lazy_door(__name__, MODULES)
