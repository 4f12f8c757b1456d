"""Floating-point operations of downstream models by size, in closed form, to scale speeds to other models.

A multiplication and an addition are two operations. Normalisation, activations and softmax, together a few per cent,
are left out. A unit test compares the results with torch's counts on the models.
"""

from __future__ import annotations

from mimic_core.models import ViTSettings

BACKWARD = 2  # operations of a backward pass, relative to the forward pass


def block(tokens: float, width: int, mlp_ratio: float = 4.0) -> float:
    """Count the operations of a transformer block."""
    return 2 * tokens * width**2 * (4 + 2 * mlp_ratio) + 4 * tokens**2 * width


def encoder(size: ViTSettings, visible: float | None = None, patches: float | None = None) -> float:
    """Count the operations of an encoder on an image of ``patches`` patches, ``visible`` of which reach its blocks."""
    patches = size.grid**2 if patches is None else patches
    visible = patches if visible is None else visible
    embedding = 2 * patches * 3 * size.patch_size**2 * size.width
    return embedding + size.depth * block(visible + size.prefix_tokens, size.width, size.mlp_ratio)
