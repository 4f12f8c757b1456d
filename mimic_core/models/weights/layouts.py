"""Released files of other projects: detect the layout and the architecture, and rename the parameters to ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mimic_core.kit.errors import MimicError, printable
from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.settings import ViTSettings
from mimic_core.models.weights.architecture import infer_settings, is_square, kind_of_positions
from mimic_core.models.weights.checkpoint import Checkpoint
from mimic_core.models.weights.facts import Facts
from mimic_core.models.weights.naver import encoder_name
from mimic_core.models.weights.parameters import some


@dataclass(frozen=True)
class Layout:
    """How a family of files names its parameters.

    Attributes:
        label: name of the layout, for messages.
        mark: prefix of a parameter's name that occurs in every file of this layout and in no other.
        our_name: turns a parameter's name into ours.
        ignored: prefixes of parameters outside the encoder: decoders and heads. All others must fit.
    """

    label: str
    mark: str
    our_name: Callable[[str], str]
    ignored: tuple[str, ...]


LAYOUTS = (
    Layout(
        "ViT (MAE, MIMIC, DINO, timm)",
        "blocks.0.",
        str,
        (
            "mask_token",
            "decoder_embed.",
            "decoder_pos_embed",
            "decoder_blocks.",  # MAE
            "decoder_blocks_croco.",  # MIMIC's CroCo
            "decoder_norm.",
            "decoder_pred.",
            "head.",  # classifier of timm and of fine-tuned MAEs; projection of DINO
        ),
    ),
    Layout(
        "NAVER's CroCo",
        "enc_blocks.0.",
        encoder_name,
        (
            "mask_token",
            "decoder_embed.",
            "dec_pos_embed",
            "dec_blocks.",
            "dec_norm.",
            "prediction_head.",
            "head.",  # of CroCo for stereo and flow
        ),
    ),
)


def read_layout(found: Checkpoint, heads: int | None) -> tuple[ViTSettings, dict[str, Tensor]]:
    """Return the architecture and the parameters, in our names, of a checkpoint in any of :data:`LAYOUTS`.

    Args:
        found: the checkpoint.
        heads: attention heads per block, if neither the file nor the width determines them.
    """
    layout = next((known for known in LAYOUTS if any(name.startswith(known.mark) for name in found.weights)), None)
    if layout is None:
        raise MimicError(
            f"the parameters match no known layout: {some(sorted(found.weights))}",
            where=found.path,
            remedy=f"give a file in one of the layouts {', '.join(known.label for known in LAYOUTS)}",
        )
    kept = {name: value for name, value in found.weights.items() if not name.startswith(layout.ignored)}
    found.check(kept)
    ours = {layout.our_name(printable(name)): value for name, value in kept.items()}
    if len(ours) != len(kept):
        raise MimicError("the file holds some parameters twice", where=found.path, remedy="remove one set")
    weights = pooled_norm(in_our_shape(ours, found))
    settings = infer_settings(weights, found, heads)
    return settings, for_imagenet_input(weights, found.facts)


def in_our_shape(weights: dict[str, Tensor], found: Checkpoint) -> dict[str, Tensor]:
    """Reshape the positions to (1, prefix + N, width).

    NAVER's have no batch axis; if timm's have no entry for the class token (``no_embed_class``), it gets zeros.
    """
    positions = weights.get("pos_embed")
    if positions is None or positions.ndim not in (2, 3):
        return weights
    positions = positions.unsqueeze(0) if positions.ndim == 2 else positions
    if "cls_token" in weights and len(positions) == 1 and not class_has_position(positions, found):
        positions = torch.cat([positions.new_zeros(1, 1, positions.shape[2]), positions], dim=1)
    return weights | {"pos_embed": positions}


def class_has_position(positions: Tensor, found: Checkpoint) -> bool:
    """Return whether the first of positions (1, tokens, width) belongs to the class token.

    16 positions can be 4x4 patches, or a class token and 3x5 patches. The file may say which, and fixed sin-cos values
    show it; 4 positions or fewer are taken as a square, since 1x3 patches are no real image. Refuses all other cases.
    """
    tokens, side = positions.shape[1], math.isqrt(positions.shape[1])
    if found.facts.class_position is not None:
        return found.facts.class_position
    if not is_square(tokens):
        return True
    strip = tokens - 1 <= 3
    if strip or kind_of_positions(positions, class_token=False) == "sincos":
        return False
    others = [rows for rows in range(2, side) if (tokens - 1) % rows == 0]
    rows = others[-1] if others else 1
    raise MimicError(
        f"{tokens} positions fit {side}x{side} patches without the class token, or {rows}x"
        f"{(tokens - 1) // rows} patches with it, and the file does not say which",
        where=found.path,
        remedy="put timm's config.json beside it, with model_args: {no_embed_class: true} for the former; encoders "
        "for non-square images cannot be read",
    )


def pooled_norm(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename ``fc_norm`` to ``norm`` if there is no ``norm``, else drop it.

    Classifiers that average the patches normalise once, after the average; our encoder normalises every token.
    """
    has_norm = any(name.startswith("norm.") for name in weights)
    pooled = {name: value for name, value in weights.items() if name.startswith("fc_norm.")}
    others = {name: value for name, value in weights.items() if name not in pooled}
    return others if has_norm else others | {name.removeprefix("fc_"): value for name, value in pooled.items()}


def for_imagenet_input(weights: dict[str, Tensor], facts: Facts) -> dict[str, Tensor]:
    """Fold the file's own mean and deviation into the patch embedding, so that it takes ImageNet-normalised images."""
    kernel, bias = weights["patch_embed.proj.weight"], weights.get("patch_embed.proj.bias")
    ours = (IMAGENET_MEAN, IMAGENET_STD)
    if bias is None or kernel.shape[1] != len(facts.mean) or (facts.mean, facts.std) == ours:
        return weights
    mean, std, new_mean, new_std = (torch.tensor(value).view(1, -1, 1, 1) for value in (facts.mean, facts.std, *ours))
    moved = bias + (kernel * (new_mean - mean) / std).sum(dim=(1, 2, 3))
    return weights | {"patch_embed.proj.weight": kernel * new_std / std, "patch_embed.proj.bias": moved}
