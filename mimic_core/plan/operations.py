"""Floating-point operations of downstream models by their size, in closed form: what a speed is carried over by.

A multiplication and an addition are two operations. Normalisation, activations and softmax are left out: together they
are a few per cent. A unit test compares with what torch counts on the models themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mimic_core.models.settings import ViTSettings

BACKWARD = 2  # operations of a backward pass over those of the forward pass


def block(tokens: float, width: int, mlp_ratio: float = 4.0) -> float:
    """A transformer block."""
    return 2 * tokens * width**2 * (4 + 2 * mlp_ratio) + 4 * tokens**2 * width


def encoder(size: ViTSettings, visible: float | None = None, patches: float | None = None) -> float:
    """An encoder on an image of ``patches`` patches, of which its blocks see ``visible``."""
    patches = size.grid**2 if patches is None else patches
    visible = patches if visible is None else visible
    embedding = 2 * patches * 3 * size.patch_size**2 * size.width
    return embedding + size.depth * block(visible + size.prefix_tokens, size.width, size.mlp_ratio)


def convolution(pixels: float, side: int, given: int, made: int) -> float:
    """A convolution that writes ``pixels`` pixels."""
    return 2 * pixels * side**2 * given * made


def dpt_head(grid: float, width: int, layer_dims: Sequence[int], feature: int) -> float:
    """The DPT head on a square of ``grid`` patches a side; its one to three output channels are left out."""
    area = grid**2
    d1, d2, d3, d4 = layer_dims
    total = convolution(area, 1, width, d1 + d2 + d3 + d4)
    total += 2 * area * (16 * d1 * d1 + 4 * d2 * d2) + convolution(area / 4, 3, d4, d4)
    for pixels, dim in ((16 * area, d1), (4 * area, d2), (area, d3), (area / 4, d4)):
        total += convolution(pixels, 3, dim, feature)
        total += (2 if pixels < area else 4) * convolution(pixels, 3, feature, feature)
        total += convolution(4 * pixels, 1, feature, feature)
    return total + convolution(64 * area, 3, feature, feature // 2) + convolution(256 * area, 3, feature // 2, 32)


def convnext_head(grid: float, width: int, head: Mapping[str, Any], classes: int = 150) -> float:
    """The ConvNeXt segmentation head on a square of ``grid`` patches a side."""
    embed, predictions, depth = (int(head.get(key, usual)) for key, usual in CONVNEXT.items())
    inner = embed // predictions
    pixels = grid**2 * predictions
    one = pixels * inner * (2 * 49 + 2 * 8 * inner)
    return convolution(grid**2, 1, width, embed) + depth * one + convolution(pixels, 1, inner, classes)


CONVNEXT = {"width": 6144, "predictions": 16, "depth": 4}


def pose_head(patches: float, width: int, joints: int = 17) -> float:
    """ViTPose's classic decoder: two transposed 4x4 convolutions of stride 2 to 256 channels, and heat maps."""
    return 2 * 16 * 256 * (patches * width + 4 * patches * 256) + convolution(16 * patches, 1, 256, joints)
