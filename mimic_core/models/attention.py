"""Attention within a view and across two, with parameters named as in timm (and the released MAE) and in CroCo."""

from __future__ import annotations

from timm.layers.attention import Attention
from torch import Tensor, bfloat16, nn
from torch.nn.functional import scaled_dot_product_attention


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention of (B, heads, N, C) to (B, heads, M, C), fused where that is faster.

    On CPUs the backward pass of torch's fused attention in bf16 takes 2 to 4 times as long as the plain product
    (50 to 577 tokens, torch 2.13), so there it is written out.
    """
    if query.device.type == "cpu" and query.dtype == bfloat16:
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        return scores.float().softmax(dim=-1).to(bfloat16) @ value
    return scaled_dot_product_attention(query, key, value)


class SelfAttention(Attention):
    """timm's attention (``qkv``, ``proj``) on :func:`attend`."""

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        """(B, N, width) to (B, N, width). There are no masks in these models."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        return self.proj(attend(query, key, value).transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Tokens of one view ask, tokens of the other answer. Parameters are named as in the released CroCo."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.projq = nn.Linear(width, width)
        self.projk = nn.Linear(width, width)
        self.projv = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, asking: Tensor, memory: Tensor) -> Tensor:
        """(B, N, width) and (B, M, width) to (B, N, width)."""
        query, key, value = (
            projection(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, tokens in ((self.projq, asking), (self.projk, memory), (self.projv, memory))
        )
        return self.proj(attend(query, key, value).transpose(1, 2).flatten(2))
