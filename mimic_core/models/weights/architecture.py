"""Infer the architecture of an encoder from the shapes of its parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.numeric import is_count
from mimic_core.models.settings import NAMED, Positions, ViTSettings
from mimic_core.models.vit import sincos_positions
from mimic_core.models.weights.checkpoint import Checkpoint
from mimic_core.models.weights.facts import NAVER_IMAGE_SIZE

HEAD_CHANNELS = 64  # in every ViT up to L; larger ones differ


def is_square(count: int) -> bool:
    """Return whether ``count`` patches can form a square grid."""
    return math.isqrt(count) ** 2 == count


def infer_settings(weights: Mapping[str, Tensor], found: Checkpoint, heads: int | None) -> ViTSettings:
    """Infer the architecture from the shapes of the parameters and what else the file states."""

    def shape(name: str, axes: int) -> tuple[int, ...]:
        value = weights.get(name)
        if value is None or value.ndim != axes or 0 in value.shape:
            state = "is missing" if value is None else f"has the shape {tuple(value.shape)}"
            remedy = "check that the file is a complete vision transformer"
            what = f"the size of the encoder cannot be inferred: {name} {state}"
            raise MimicError(what, where=found.path, remedy=remedy)
        return tuple(value.shape)

    width, _, patch_size, _ = shape("patch_embed.proj.weight", 4)
    hidden, _ = shape("blocks.0.mlp.fc1.weight", 2)
    ratio = hidden / width
    numbers = {matched[1] for name in weights if (matched := re.match(r"blocks\.(\d+)\.", name))}
    class_token = "cls_token" in weights
    if "pos_embed" in weights:
        patches = shape("pos_embed", 3)[1] - class_token
        stated = found.facts.image_size
        if stated is not None and stated[0] != stated[1]:
            remedy = "use an encoder that was pretrained on square images"
            raise MimicError(
                f"the encoder's images of {stated[0]}x{stated[1]} pixels are not square",
                where=found.path,
                remedy=remedy,
            )
        if patches < 1 or not is_square(patches):
            remedy = "use an encoder that was pretrained on square images"
            raise MimicError(f"the {patches} positions do not form a square grid", where=found.path, remedy=remedy)
        positions: Positions
        image_size, positions = math.isqrt(patches) * patch_size, kind_of_positions(weights["pos_embed"], class_token)
    elif found.facts.rotary:
        image_size, positions = min(found.facts.image_size or (NAVER_IMAGE_SIZE,)), "rope"
    else:
        remedy = "use an encoder with positions, or NAVER's CroCo v2 with its croco_kwargs"
        raise MimicError("the checkpoint has no positions (missing pos_embed)", where=found.path, remedy=remedy)
    return ViTSettings(
        image_size=image_size,
        patch_size=patch_size,
        width=width,
        depth=len(numbers),
        heads=choose_heads(width, found.facts.heads, heads, found.path),
        mlp_ratio=ratio if int(width * ratio) == hidden else math.nextafter(ratio, math.inf),
        class_token=class_token,
        positions=positions,
    )


def kind_of_positions(positions: Tensor, class_token: bool) -> Positions:
    """Return ``sincos`` if the values are the fixed ones, else ``learned``."""
    width, side = positions.shape[2], math.isqrt(positions.shape[1] - class_token)
    if width % 4:
        return "learned"
    fixed = sincos_positions(width, side, side)[:, 1 - class_token :]
    same = torch.allclose(positions.float(), fixed, atol=1e-3)  # files may be in half precision
    return "sincos" if same else "learned"


def choose_heads(width: int, stated: int | None, asked: int | None, where: Path) -> int:
    """Return the heads that the file states, else those the caller asks for, else those usual for this width."""
    if asked is not None and not is_count(asked, 1):
        what = f"width, depth and heads must be positive integers, but heads is {shown(asked)}"
        raise MimicError(what, where="heads", remedy="give the number of heads that the encoder has")
    if stated is not None and asked is not None and stated != asked:
        remedy = "leave out heads: the file states it"
        raise MimicError(f"the file says {stated} heads, but heads is {asked}", where=where, remedy=remedy)
    usual = {size: heads for size, _, heads in NAMED.values()}.get(width)
    if usual is None and width % HEAD_CHANNELS == 0 and width <= NAMED["vit_large"][0]:
        usual = width // HEAD_CHANNELS
    chosen = next((number for number in (stated, asked, usual) if number is not None), None)
    if chosen is None:
        raise MimicError(
            f"the file does not say how many heads the {width} channels of a token are divided into",
            where=where,
            remedy="give the number: load_pretrained(path, heads=...)",
        )
    return chosen
