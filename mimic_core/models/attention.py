"""Self-attention and cross-attention, with parameters named as in timm (and the released MAE) and in CroCo."""

from __future__ import annotations

import torch
from timm.layers.attention import Attention
from torch import Tensor, bfloat16, nn
from torch.nn.functional import scaled_dot_product_attention

ROPE_BASE = 100.0  # CroCo v2's ``RoPE100``


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute softmax attention of queries (B, heads, N, C) to keys and values (B, heads, M, C), fused if faster.

    On CPUs the backward pass of torch's fused attention in bf16 takes 2 to 4 times as long as plain matrix products
    (50 to 577 tokens, torch 2.13), so that case is not fused.
    """
    if query.device.type == "cpu" and query.dtype == bfloat16:
        scores: Tensor = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        return scores.float().softmax(dim=-1).to(bfloat16) @ value
    return scaled_dot_product_attention(query, key, value)


def rotation_table(rows: int, columns: int, channels: int) -> Tensor:
    """Return cosines and sines (2, rows*columns, channels) of 2-D rotary positions, for a head of ``channels``.

    The first half of the channels rotates with the row, the second with the column. In each half, channels i and
    i + channels / 4 span a plane that rotates by ``position * 100 ** (-4 i / channels)`` radians (Su et al., 2021, with
    the base and the axis order of CroCo v2, Weinzaepfel et al., 2023).
    """
    planes = channels // 4
    frequencies = ROPE_BASE ** -(torch.arange(planes, dtype=torch.float64) / planes)
    places = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    row, column = (place.reshape(-1, 1) * frequencies for place in places)
    angles = torch.cat([row, row, column, column], dim=1)
    return torch.stack([angles.cos(), angles.sin()]).float()


def turn(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate queries or keys (B, heads, N, channels) by ``rotation`` (2, B or 1, 1, N, channels), in float32."""
    cosine, sine = rotation
    a, b, c, d = x.chunk(4, dim=-1)
    turned: Tensor = (x * cosine + torch.cat([-b, a, -d, c], dim=-1) * sine).to(x.dtype)
    return turned


class SelfAttention(Attention):
    """timm's attention (``qkv``, ``proj``), computed by :func:`attend`."""

    def forward(
        self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False, rotation: Tensor | None = None
    ) -> Tensor:
        """Map (B, N, width) to (B, N, width). Masks are ignored: no model uses any. ``rotation``: see :func:`turn`."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        if rotation is not None:
            query, key = turn(query, rotation), turn(key, rotation)
        out: Tensor = self.proj(attend(query, key, value).transpose(1, 2).flatten(2))
        return out


class CrossAttention(nn.Module):
    """Attention from the tokens of one view to those of the other. Parameters are named as in the released CroCo."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.projq = nn.Linear(width, width)
        self.projk = nn.Linear(width, width)
        self.projv = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Attend from ``tokens`` (B, N, width) to ``memory`` (B, M, width); return (B, N, width)."""
        query, key, value = (
            projection(values).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, values in ((self.projq, tokens), (self.projk, memory), (self.projv, memory))
        )
        out: Tensor = self.proj(attend(query, key, value).transpose(1, 2).flatten(2))
        return out
