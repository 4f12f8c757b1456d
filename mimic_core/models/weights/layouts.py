"""Released files of other projects: which layout a file has, which architecture, and our names for its parameters."""

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
        known_as: for messages.
        mark: how a parameter's name starts in every file of this layout and in no other's.
        ours: our name of a parameter.
        left_out: how the names of parameters start that are no encoder's: decoders and heads. All others must fit.
    """

    known_as: str
    mark: str
    ours: Callable[[str], str]
    left_out: tuple[str, ...]


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
            "head.",  # classifier of timm's and of fine-tuned MAEs; projection of DINO's
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
            "head.",  # stereo and flow
        ),
    ),
)


def read_layout(found: Checkpoint, heads: int | None) -> tuple[ViTSettings, dict[str, Tensor]]:
    """Architecture and parameters, in our names, of a checkpoint in any layout of :data:`LAYOUTS`.

    Args:
        found: the checkpoint.
        heads: attention heads of a block, where the file does not say and the width does not tell.
    """
    layout = next((known for known in LAYOUTS if any(name.startswith(known.mark) for name in found.weights)), None)
    if layout is None:
        raise MimicError(
            f"no known layout has such parameters: {some(sorted(found.weights))}",
            where=found.path,
            remedy=f"the layouts are: {', '.join(known.known_as for known in LAYOUTS)}",
        )
    kept = {name: value for name, value in found.weights.items() if not name.startswith(layout.left_out)}
    found.check(kept)
    ours = {layout.ours(printable(name)): value for name, value in kept.items()}
    if len(ours) != len(kept):
        raise MimicError("parameters are there twice", where=found.path, remedy="remove one set")
    weights = pooled_norm(in_our_shape(ours, found))
    settings = infer_settings(weights, found, heads)
    return settings, for_imagenet_input(weights, found.facts)


def in_our_shape(weights: dict[str, Tensor], found: Checkpoint) -> dict[str, Tensor]:
    """Positions as (1, prefix + N, width).

    NAVER's have no batch axis, and where timm's leave out the class token (``no_embed_class``), it has none to add.
    """
    positions = weights.get("pos_embed")
    if positions is None or positions.ndim not in (2, 3):
        return weights
    positions = positions.unsqueeze(0) if positions.ndim == 2 else positions
    if "cls_token" in weights and len(positions) == 1 and not class_has_position(positions, found):
        positions = torch.cat([positions.new_zeros(1, 1, positions.shape[2]), positions], dim=1)
    return weights | {"pos_embed": positions}


def class_has_position(positions: Tensor, found: Checkpoint) -> bool:
    """Whether the first of positions (1, tokens, width) is the class token's.

    Sixteen can be those of 4x4 patches, or of a class token and 3x5 patches. The file may say which, and the values
    do where they are the fixed ones; a strip of 1x3 patches is no image. All else is refused.
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
        f"{tokens} positions are those of {side}x{side} patches without the class token's, or of {rows}x"
        f"{(tokens - 1) // rows} patches with it: the file does not say",
        where=found.path,
        remedy="put timm's config.json beside it, with model_args: {no_embed_class: true} for the former; an encoder "
        "of images that are not square cannot be read",
    )


def pooled_norm(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """``fc_norm`` in place of a missing ``norm``, else left out.

    Classifiers that average the patches norm once, after the average; here every token is normed.
    """
    own = any(name.startswith("norm.") for name in weights)
    pooled = {name: value for name, value in weights.items() if name.startswith("fc_norm.")}
    others = {name: value for name, value in weights.items() if name not in pooled}
    return others if own else others | {name.removeprefix("fc_"): value for name, value in pooled.items()}


def for_imagenet_input(weights: dict[str, Tensor], facts: Facts) -> dict[str, Tensor]:
    """The same function of images that are normalised by ImageNet's mean and deviation instead of the file's own."""
    kernel, bias = weights["patch_embed.proj.weight"], weights.get("patch_embed.proj.bias")
    ours = (IMAGENET_MEAN, IMAGENET_STD)
    if bias is None or kernel.shape[1] != len(facts.mean) or (facts.mean, facts.std) == ours:
        return weights
    mean, std, new_mean, new_std = (torch.tensor(value).view(1, -1, 1, 1) for value in (facts.mean, facts.std, *ours))
    moved = bias + (kernel * (new_mean - mean) / std).sum(dim=(1, 2, 3))
    return weights | {"patch_embed.proj.weight": kernel * new_std / std, "patch_embed.proj.bias": moved}
