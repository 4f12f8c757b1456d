"""Forward floating-point operations of heads, in closed form; a plan scales a measured speed to other sizes by them.

A multiplication and an addition are two operations. Normalisation and activations, a few per cent, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence


def convolution(pixels: float, side: int, inputs: int, outputs: int) -> float:
    """Count the operations of a convolution: ``pixels`` output pixels, a kernel of ``side`` x ``side``, channels."""
    return 2 * pixels * side**2 * inputs * outputs


def dpt_head(grid: float, width: int, layer_dims: Sequence[int], feature: int) -> float:
    """Count the operations of the DPT head on ``grid`` x ``grid`` patches, without its one to three output channels."""
    area = grid**2
    d1, d2, d3, d4 = layer_dims
    total = convolution(area, 1, width, d1 + d2 + d3 + d4)
    total += 2 * area * (16 * d1 * d1 + 4 * d2 * d2) + convolution(area / 4, 3, d4, d4)
    for pixels, dim in ((16 * area, d1), (4 * area, d2), (area, d3), (area / 4, d4)):
        total += convolution(pixels, 3, dim, feature)
        total += (2 if pixels < area else 4) * convolution(pixels, 3, feature, feature)
        total += convolution(4 * pixels, 1, feature, feature)
    return total + convolution(64 * area, 3, feature, feature // 2) + convolution(256 * area, 3, feature // 2, 32)
