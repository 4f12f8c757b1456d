"""Floating-point operations of downstream models by their size, in closed form: what a speed is carried over by.

A multiplication and an addition are two operations. Normalisation, activations and softmax are left out: together they
are a few per cent. A unit test compares with what torch counts on the models themselves.
"""

from __future__ import annotations

from mimic_core.models import ViTSettings

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
