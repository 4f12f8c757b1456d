"""Sizes of the models."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from mimic_core.errors import MimicError
from mimic_core.settings import read_settings

POSITIONS = ("sincos", "learned", "rope")
NAMED = {
    "vit_tiny": (192, 12, 3),
    "vit_small": (384, 12, 6),
    "vit_base": (768, 12, 12),
    "vit_large": (1024, 24, 16),
    "vit_huge": (1280, 32, 16),
}  # width, depth, heads


@dataclasses.dataclass(frozen=True)
class ViTSettings:
    """Size of a vision transformer; the defaults are ViT-B/16 at 224 pixels.

    Attributes:
        image_size: side of the square input, pixels; a multiple of ``patch_size``.
        patch_size: side of a patch, pixels.
        width: channels of a token; a multiple of ``heads`` and of 4 (sin-cos positions).
        depth: number of blocks.
        heads: attention heads of a block.
        mlp_ratio: hidden width of a block's MLP over ``width``.
        class_token: whether a token that belongs to no patch comes first.
        positions: ``sincos`` (fixed, added), ``learned`` (added) or ``rope`` (queries and keys are turned by their
            place; channels of a head must be a multiple of 4).
    """

    image_size: int = 224
    patch_size: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: float = 4.0
    class_token: bool = True
    positions: str = "sincos"

    def __post_init__(self) -> None:
        check_transformer(self.width, self.depth, self.heads, "encoder")
        if self.patch_size < 1 or self.image_size < self.patch_size or self.image_size % self.patch_size:
            raise MimicError(
                f"images of {self.image_size} pixels cannot be cut into patches of {self.patch_size}",
                where="image_size",
                remedy=f"choose a multiple of {self.patch_size}",
            )
        if self.mlp_ratio <= 0:
            raise MimicError(f"mlp_ratio is {self.mlp_ratio}", where="encoder.mlp_ratio", remedy="choose one above 0")
        if self.positions not in POSITIONS:
            raise MimicError(
                f"there are no {self.positions!r} positions",
                where="encoder.positions",
                remedy=f"choose one of {', '.join(POSITIONS)}",
            )
        if self.positions == "rope" and self.width // self.heads % 4:
            raise MimicError(
                f"rotary positions cannot turn the {self.width // self.heads} channels of a head",
                where="encoder.heads",
                remedy="choose heads of a multiple of 4 channels",
            )

    @property
    def grid(self) -> int:
        """Patches along one side."""
        return self.image_size // self.patch_size

    @property
    def prefix_tokens(self) -> int:
        """Tokens that come before those of the patches: 1 with a class token, else 0."""
        return int(self.class_token)


def named_vit(name: str) -> dict[str, int]:
    """Width, depth and heads of a ViT by its name in the literature: ``vit_tiny`` to ``vit_huge``.

    Dosovitskiy et al. (2021), table 1; tiny and small as Touvron et al. (2021), table 1.

    Raises:
        MimicError: no such name.
    """
    if name not in NAMED:
        near = difflib.get_close_matches(str(name), NAMED, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(NAMED)}"
        raise MimicError(f"there is no encoder named {name!r}", where="encoder.name", remedy=remedy)
    return dict(zip(("width", "depth", "heads"), NAMED[name], strict=True))


def vit_settings(block: Mapping[str, Any], where: str) -> ViTSettings:
    """Read the config's block of an encoder; its ``name`` (``vit_base``) takes the place of width, depth and heads.

    Args:
        block: fields of :class:`ViTSettings`, and perhaps ``name``.
        where: the block's name in the config, for the error.
    """
    sizes = dict(block)
    if "name" in sizes:
        sizes |= named_vit(sizes.pop("name"))
    return read_settings(ViTSettings, sizes, where)


@dataclasses.dataclass(frozen=True)
class DecoderSettings:
    """Size of a pretraining decoder; the defaults are the released MAE's and CroCo's (512 x 8 x 16)."""

    width: int = 512
    depth: int = 8
    heads: int = 16

    def __post_init__(self) -> None:
        check_transformer(self.width, self.depth, self.heads, "decoder")


def check_transformer(width: int, depth: int, heads: int, where: str) -> None:
    """Refuse sizes that no transformer with sin-cos positions can have."""
    if min(width, depth, heads) < 1:
        raise MimicError(f"width, depth and heads are {width}, {depth}, {heads}", where=where, remedy="use 1 or more")
    if width % heads or width % 4:
        raise MimicError(
            f"a width of {width} does not divide into {heads} heads and into 4 (sin-cos positions)",
            where=f"{where}.width",
            remedy="choose a multiple of both",
        )
