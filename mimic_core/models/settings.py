"""Settings of the models: sizes, class token and positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.suggestions import did_you_mean
from mimic_core.kit.values import AboveZero, Flag, Positive

Positions = Literal["sincos", "learned", "rope"]
NAMED = {
    "vit_tiny": (192, 12, 3),
    "vit_small": (384, 12, 6),
    "vit_base": (768, 12, 12),
    "vit_large": (1024, 24, 16),
    "vit_huge": (1280, 32, 16),
}  # width, depth, heads


@settings("encoder")
class ViTSettings:
    """Size of a vision transformer; the defaults are ViT-B/16 at 224 pixels.

    Rotary positions (``rope``) rotate queries and keys by position; they need a multiple of 4 channels per head.
    """

    image_size: Positive = key("side of the square input, a multiple of patch_size", default=224, unit="pixels")
    patch_size: Positive = key("side of a patch", default=16, unit="pixels")
    width: Positive = key("channels of a token, a multiple of heads and of 4", default=768)
    depth: Positive = key("number of blocks", default=12)
    heads: Positive = key("attention heads per block", default=12)
    mlp_ratio: AboveZero = key("hidden width of a block's MLP, as a multiple of width", default=4.0)
    class_token: Flag = key("prepend a class token", default=True, job=True)
    positions: Positions = key(
        "position encoding: fixed and added, learned and added, or rotary", default="sincos", job=True
    )

    def __post_init__(self) -> None:
        check_transformer(self.width, self.heads, "encoder")
        if self.image_size % self.patch_size:
            raise MimicError(
                f"images of {self.image_size} pixels cannot be cut into patches of {self.patch_size}",
                where="image_size",
                remedy=f"choose a multiple of {self.patch_size}",
            )
        if int(self.width * self.mlp_ratio) < 1:
            what = f"mlp_ratio is {self.mlp_ratio}, which leaves the MLP no hidden channel"
            raise MimicError(what, where="encoder.mlp_ratio", remedy="choose a larger number, such as 4")
        if self.positions == "rope" and self.width // self.heads % 4:
            raise MimicError(
                f"rotary positions cannot rotate the {self.width // self.heads} channels of a head",
                where="encoder.heads",
                remedy="choose heads so that each has a multiple of 4 channels",
            )

    @property
    def grid(self) -> int:
        """Patches along one side."""
        return self.image_size // self.patch_size

    @property
    def prefix_tokens(self) -> int:
        """Tokens before the patch tokens: 1 with a class token, else 0."""
        return int(self.class_token)


def named_vit(name: str) -> dict[str, int]:
    """Return width, depth and heads of a ViT by its name in the literature: ``vit_tiny`` to ``vit_huge``.

    Dosovitskiy et al. (2021), table 1; tiny and small as Touvron et al. (2021), table 1.

    Raises:
        MimicError: no such name.
    """
    if not isinstance(name, str) or name not in NAMED:
        remedy = did_you_mean(name, NAMED, "choose one of")
        raise MimicError(f"there is no encoder named {shown(name)}", where="encoder.name", remedy=remedy)
    return dict(zip(("width", "depth", "heads"), NAMED[name], strict=True))


def vit_settings(block: Mapping[str, Any], where: str) -> ViTSettings:
    """Read an encoder block of the config; a ``name`` (``vit_base``) replaces width, depth and heads.

    Args:
        block: fields of :class:`ViTSettings`, and optionally ``name``.
        where: the block's name in the config, for the error.
    """
    sizes = dict(block) if isinstance(block, Mapping) else block
    if isinstance(sizes, dict) and "name" in sizes:
        sizes |= named_vit(sizes.pop("name"))
    return read_settings(ViTSettings, sizes, where)


@settings("encoder")
class EncoderName:
    """Size of an encoder, by its name in the literature."""

    name: Literal["vit_tiny", "vit_small", "vit_base", "vit_large", "vit_huge"] = key(
        "a named size, in place of width, depth and heads"
    )


@settings("decoder")
class DecoderSettings:
    """Size of a pretraining decoder; the defaults are the released MAE's and CroCo's (512 x 8 x 16)."""

    width: Positive = key("channels of a token, a multiple of heads and of 4", default=512)
    depth: Positive = key("number of blocks", default=8)
    heads: Positive = key("attention heads per block", default=16)

    def __post_init__(self) -> None:
        check_transformer(self.width, self.heads, "decoder")


def check_transformer(width: int, heads: int, where: str) -> None:
    """Raise if no transformer with sin-cos positions can have this width and these heads."""
    if width % heads or width % 4:
        raise MimicError(
            f"a width of {width} does not divide into {heads} heads or is not a multiple of 4 (sin-cos positions)",
            where=f"{where}.width",
            remedy="choose a multiple of both",
        )
