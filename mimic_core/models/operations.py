"""Floating-point operations of heads, forward, in closed form: what a plan carries a speed over to another size by.

A multiplication and an addition are two operations. Normalisation and activations, a few per cent, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence


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
