"""CroCo as MIMIC trained it: reconstruct masked patches of a view using another view (Weinzaepfel et al., 2022)."""

from __future__ import annotations

from timm.layers.mlp import Mlp
from torch import Tensor, nn

from mimic_core.models import (
    CrossAttention,
    DecoderSettings,
    MaskedModel,
    Norm,
    SelfAttention,
    ViTSettings,
    masked_loss,
    random_masking,
)


class CrossBlock(nn.Module):
    """Pre-norm decoder block: self-attention, cross-attention to the normed memory, MLP."""

    def __init__(self, width: int, heads: int, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        self.norm1 = Norm(width)
        self.attn = SelfAttention(width, heads, qkv_bias=True)
        self.cross_attn = CrossAttention(width, heads)
        self.norm2 = Norm(width)
        self.norm3 = Norm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))
        self.norm_y = Norm(width)

    def forward(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Update tokens (B, N, width) of the masked view, with memory (B, M, width) of the other."""
        tokens = tokens + self.attn(self.norm1(tokens))
        tokens = tokens + self.cross_attn(self.norm2(tokens), self.norm_y(memory))
        out: Tensor = tokens + self.mlp(self.norm3(tokens))
        return out


class CroCo(MaskedModel):
    """Cross-view completion with one shared encoder. Parameters are named as in MIMIC's released checkpoints."""

    def __init__(self, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float = 0.9) -> None:
        super().__init__(encoder, decoder, mask_ratio)
        self.decoder_blocks_croco = nn.ModuleList(
            CrossBlock(decoder.width, decoder.heads) for _ in range(decoder.depth)
        )

    def forward(
        self, masked_view: Tensor, other_view: Tensor, noise: Tensor
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Mask patches of one view, reconstruct them using the other, and compute the loss.

        Args:
            masked_view: (B, 3, H, W) float, ImageNet-normalised RGB, of the size in the settings.
            other_view: the same, never masked.
            noise: (B, N) uniform draws; the patches with the smallest stay visible.

        Returns:
            The loss ``pixels`` (scalar), the prediction (B, N, P*P*3) of normalised pixels, the mask (B, N), 1 where
            masked.
        """
        keep, restore, mask = random_masking(noise, self.mask_ratio)
        tokens = self.fill(self.encode(masked_view, keep), restore)
        memory = self.decoder_embed(self.encode(other_view)) + self.decoder_pos_embed
        for block in self.decoder_blocks_croco:
            tokens = block(tokens, memory)
        predicted = self.paint(tokens)
        return {"pixels": masked_loss(predicted, masked_view, mask, self.patch_size)}, predicted, mask
