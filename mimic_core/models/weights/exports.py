"""Export encoders to the layouts of other projects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from timm import is_model

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path, write_json
from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.settings import NAMED, ViTSettings
from mimic_core.models.vit import Encoder
from mimic_core.models.weights.ours import cpu_weights


def export_timm(encoder: Encoder, folder: str | Path) -> None:
    """Write ``model.safetensors`` and ``config.json`` as timm and the Hugging Face Hub store a ViT.

    ``timm.create_model("local-dir:<folder>", pretrained=True)`` reads them.

    Args:
        encoder: with or without a class token, with added positions.
        folder: created if missing; the two files in it are replaced.

    Raises:
        MimicError: the encoder has rotary positions, which timm's ViT does not have.
    """
    refuse_rotary(encoder, "timm's ViT")
    folder, size = Path(folder), encoder.settings.image_size
    name, arguments = timm_model(encoder.settings)
    config = {
        "architecture": name,
        "num_classes": 0,
        "num_features": encoder.width,
        "global_pool": "token" if encoder.settings.class_token else "avg",
        "model_args": arguments,
        "pretrained_cfg": {
            "classifier": "head",
            "crop_mode": "center",
            "crop_pct": 1.0,
            "custom_load": False,
            "first_conv": "patch_embed.proj",
            "fixed_input_size": True,
            "input_size": [3, size, size],
            "interpolation": "bicubic",
            "mean": list(IMAGENET_MEAN),
            "num_classes": 0,
            "pool_size": None,
            "std": list(IMAGENET_STD),
        },
    }
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file(cpu_weights(encoder), temporary, {"format": "pt"})
    write_json(folder / "config.json", config)


def timm_model(settings: ViTSettings) -> tuple[str, dict[str, Any]]:
    """Return timm's name for an encoder, and the arguments in which the encoder differs from that model."""
    sizes = (settings.width, settings.depth, settings.heads)
    named = next((name for name, known in NAMED.items() if known == sizes), "vit_base")
    name = f"{named}_patch{settings.patch_size}_{settings.image_size}"
    differing: dict[str, Any] = {}
    if not is_model(name) or sizes != NAMED[named] or settings.mlp_ratio != 4:
        name = "vit_base_patch16_224"
        differing = {
            "img_size": settings.image_size,
            "patch_size": settings.patch_size,
            "embed_dim": settings.width,
            "depth": settings.depth,
            "num_heads": settings.heads,
            "mlp_ratio": settings.mlp_ratio,
        }
    if not settings.class_token:
        differing |= {"class_token": False, "global_pool": "avg", "fc_norm": False}
    return name, differing


def export_multimae(encoder: Encoder, path: str | Path) -> None:
    """Write an encoder as the released MultiMAE fine-tuning scripts read it: ``{"model": parameters}``, by torch.

    The parameters are ``input_adapters.rgb.proj.*``; ``input_adapters.rgb.pos_emb`` (1, width, grid, grid);
    ``global_tokens`` (1, 1, width), the class token with its position, or (1, 0, width) without one (pass
    ``--num_global_tokens 0`` to the scripts); ``encoder.N.*``. The final norm is left out: MultiMAE's encoder has none.

    Names and shapes follow MultiMAE's published code (Bachmann et al., 2022). Tests check that these parameters give
    the encoder's own tokens; no file was compared with a released one, and the scripts were not run on it.

    Raises:
        MimicError: the encoder has rotary positions, which MultiMAE does not have.
    """
    refuse_rotary(encoder, "MultiMAE")
    weights, prefix = cpu_weights(encoder), encoder.prefix_tokens
    positions = weights["pos_embed"]
    grid = positions[:, prefix:].transpose(1, 2).unflatten(2, (encoder.grid, encoder.grid))
    tokens = positions[:, :prefix] + weights["cls_token"] if prefix else positions[:, :0]
    content = {
        "input_adapters.rgb.pos_emb": grid.contiguous(),
        "global_tokens": tokens.clone(),
        **{
            name.replace("patch_embed.", "input_adapters.rgb.").replace("blocks.", "encoder."): value.clone()
            for name, value in weights.items()
            if name.startswith(("patch_embed.", "blocks."))
        },
    }
    with atomic_path(path) as temporary:
        torch.save({"model": content}, temporary)


def refuse_rotary(encoder: Encoder, target: str) -> None:
    """Raise if the encoder has rotary positions, which the target does not support."""
    if encoder.rotary:
        raise MimicError(
            f"{target} has no rotary positions",
            where="encoder.positions",
            remedy="save this encoder in MIMIC's own format (save_encoder)",
        )
