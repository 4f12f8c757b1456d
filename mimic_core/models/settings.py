"""Sizes of the models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import is_count, is_number, read_settings, shown
from mimic_core.kit.suggestions import did_you_mean

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
        patch = self.patch_size
        if not is_count(patch, 1) or not is_count(self.image_size, patch) or self.image_size % patch:
            raise MimicError(
                f"images of {shown(self.image_size)} pixels cannot be cut into patches of {shown(patch)}",
                where="image_size",
                remedy=f"choose a multiple of {patch}" if is_count(patch, 1) else "choose whole numbers of 1 or more",
            )
        if not is_number(self.mlp_ratio) or self.mlp_ratio <= 0 or int(self.width * self.mlp_ratio) < 1:
            what = f"mlp_ratio is {shown(self.mlp_ratio)}"
            raise MimicError(what, where="encoder.mlp_ratio", remedy="choose a number above 0, such as 4")
        if not isinstance(self.class_token, bool):
            what = f"class_token is {shown(self.class_token)}"
            raise MimicError(what, where="encoder.class_token", remedy="choose true or false")
        if self.positions not in POSITIONS:
            raise MimicError(
                f"there are no {shown(self.positions)} positions",
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
    if not isinstance(name, str) or name not in NAMED:
        remedy = did_you_mean(name, NAMED, "choose one of")
        raise MimicError(f"there is no encoder named {shown(name)}", where="encoder.name", remedy=remedy)
    return dict(zip(("width", "depth", "heads"), NAMED[name], strict=True))


def vit_settings(block: Mapping[str, Any], where: str) -> ViTSettings:
    """Read the config's block of an encoder; its ``name`` (``vit_base``) takes the place of width, depth and heads.

    Args:
        block: fields of :class:`ViTSettings`, and perhaps ``name``.
        where: the block's name in the config, for the error.
    """
    sizes = dict(block) if isinstance(block, Mapping) else block
    if isinstance(sizes, dict) and "name" in sizes:
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
    if not all(is_count(size, 1) for size in (width, depth, heads)):
        what = f"width, depth and heads are {', '.join(map(shown, (width, depth, heads)))}"
        raise MimicError(what, where=where, remedy="use whole numbers of 1 or more")
    if width % heads or width % 4:
        raise MimicError(
            f"a width of {width} does not divide into {heads} heads and into 4 (sin-cos positions)",
            where=f"{where}.width",
            remedy="choose a multiple of both",
        )
