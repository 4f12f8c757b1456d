"""Floating-point operations of models by their size, in closed form: what a speed is carried over to another size by.

A multiplication and an addition are two operations. Normalisation, activations and softmax are left out: together they
are a few per cent. A unit test compares with what torch counts on the models themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mimic_core.models.settings import DecoderSettings, ViTSettings

BACKWARD = 2  # operations of a backward pass over those of the forward pass
LOCAL_CROPS, LOCAL_SIDE = 8, 3 / 7  # of DINO: small crops of an image, and their side over the image's


def block(tokens: float, width: int, mlp_ratio: float = 4.0) -> float:
    """A transformer block."""
    return 2 * tokens * width**2 * (4 + 2 * mlp_ratio) + 4 * tokens**2 * width


def cross_attention(tokens: float, memory: float, width: int) -> float:
    """Attention of tokens to a memory of the same width."""
    return 4 * (tokens + memory) * width**2 + 4 * tokens * memory * width


def encoder(size: ViTSettings, visible: float | None = None, patches: float | None = None) -> float:
    """An encoder on an image of ``patches`` patches, of which its blocks see ``visible``."""
    patches = size.grid**2 if patches is None else patches
    visible = patches if visible is None else visible
    embedding = 2 * patches * 3 * size.patch_size**2 * size.width
    return embedding + size.depth * block(visible + size.prefix_tokens, size.width, size.mlp_ratio)


def masked(size: ViTSettings, decoder: DecoderSettings, mask_ratio: float, *, cross: bool) -> float:
    """MAE on an image, or CroCo (``cross``) on a pair, forward."""
    patches, prefix = size.grid**2, size.prefix_tokens
    visible = int(patches * (1 - mask_ratio))
    tokens = patches + prefix
    total = encoder(size, visible) + decoder.depth * block(tokens, decoder.width)
    embedded = visible + prefix
    if cross:
        total += encoder(size) + decoder.depth * cross_attention(tokens, tokens, decoder.width)
        embedded += tokens
    return total + 2 * decoder.width * (embedded * size.width + tokens * 3 * size.patch_size**2)


def dino_head(width: int, hidden: int = 2048, bottleneck: int = 256, prototypes: int = 65536) -> float:
    """DINO's projection head on one crop."""
    return 2.0 * (width * hidden + hidden**2 + hidden * bottleneck + bottleneck * prototypes)


def pretraining(model: str, size: ViTSettings, decoder: DecoderSettings, mask_ratio: float) -> float:
    """One sample of pretraining, forward and backward: an image of MAE and DINO, a pair of CroCo."""
    if model == "dino":
        local = int(size.grid * LOCAL_SIDE) ** 2
        teacher = 2 * (encoder(size) + dino_head(size.width))
        student = teacher + LOCAL_CROPS * (encoder(size, patches=local) + dino_head(size.width))
        return (1 + BACKWARD) * student + teacher
    return (1 + BACKWARD) * masked(size, decoder, mask_ratio, cross=model == "croco")


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
