"""Sizes of the models."""

from __future__ import annotations

import dataclasses

from mimic_core.errors import MimicError


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
    """

    image_size: int = 224
    patch_size: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: float = 4.0

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

    @property
    def grid(self) -> int:
        """Patches along one side."""
        return self.image_size // self.patch_size


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
