"""The ConvNeXt head, which turns the tokens of a vision transformer into a map of class scores.

ConvNeXt blocks: Liu et al., "A ConvNet for the 2020s" (2022), figure 4. Structure and parameter names follow the
released MultiMAE, with which MIMIC fine-tunes segmentation (paper section 4.3).
"""

from __future__ import annotations

import math

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.numeric import is_count
from mimic_core.kit.settings import check_value
from mimic_core.kit.values import BelowOne

EXPANSION = 4  # hidden width of a block, as a multiple of its width


class ConvNeXtBlock(nn.Module):
    """A 7x7 depthwise convolution, then a two-layer MLP at every pixel, with a skip connection.

    Args:
        width: channels.
        drop_path: probability that a training sample skips the block.
    """

    def __init__(self, width: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, EXPANSION * width)
        self.pwconv2 = nn.Linear(EXPANSION * width, width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, h, w) to the same shape."""
        pixels = self.dwconv(x).permute(0, 2, 3, 1)
        pixels = self.pwconv2(functional.gelu(self.pwconv1(self.norm(pixels))))
        out: Tensor = x + self.drop_path(pixels.permute(0, 3, 1, 2))
        return out


class ConvNeXtHead(nn.Module):
    """Map tokens to class scores on a grid finer than that of the patches.

    Args:
        width: width of the encoder's tokens.
        classes: number of classes.
        embed: width of a token after the projection, divided among its predictions (released: 6144).
        predictions: predictions per patch, a square number (released: 16).
        depth: number of blocks (released: 4).
        drop_path: stochastic depth at the last block, growing linearly from 0.

    Raises:
        MimicError: a size is not a positive integer (``depth``: at least 0), ``predictions`` is not a square number,
            ``embed`` is not divisible by it, or ``drop_path`` is not in [0, 1).
    """

    def __init__(
        self,
        width: int,
        classes: int,
        embed: int = 6144,
        predictions: int = 16,
        depth: int = 4,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = {"width": width, "classes": classes}
        for name, size in sizes.items():
            if not is_count(size, 1):
                what, remedy = f"{name} is {shown(size)}", "give a whole number of 1 or more"
                raise MimicError(what, where=f"head.{name}", remedy=remedy)
        if not is_count(depth, 0):
            what, remedy = f"depth is {shown(depth)}", "give a whole number of 0 or more"
            raise MimicError(what, where="head.depth", remedy=remedy)
        whole = is_count(embed, 1) and is_count(predictions, 1)
        self.side = math.isqrt(predictions) if whole else 0
        if not whole or self.side**2 != predictions or embed % predictions:
            raise MimicError(
                f"a width of {shown(embed)} cannot be divided among {shown(predictions)} predictions per patch",
                where="head",
                remedy="choose a square number of predictions, such as 16, and a width divisible by it",
            )
        channels = embed // predictions
        self.proj_dec = nn.Linear(width, embed)
        check_value("drop_path", drop_path, BelowOne)
        rates = torch.linspace(0, drop_path, depth).tolist()
        self.blocks = nn.Sequential(*(ConvNeXtBlock(channels, rate) for rate in rates))
        self.final_layer = nn.Conv2d(channels, classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Linear):  # convolutions keep PyTorch's defaults, as released
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return class scores (B, classes, side * rows, side * columns); ``side`` is the root of ``predictions``.

        Args:
            tokens: patch tokens (no class token), (B, rows * columns, width), row by row.
            grid: rows and columns of patches.
        """
        channels = self.final_layer.in_channels
        pixels = self.proj_dec(tokens).unflatten(2, (self.side, self.side, channels)).unflatten(1, grid)
        # (B, rows, columns, side, side, channels) -> (B, channels, rows, side, columns, side)
        pixels = pixels.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
        scores: Tensor = self.final_layer(self.blocks(pixels))
        return scores
