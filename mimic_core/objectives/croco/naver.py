"""CroCo v1 as NAVER released it: no class token, positions in buffers, other names (Weinzaepfel et al., 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.layers.patch_embed import PatchEmbed
from torch import Tensor, nn

from mimic_core.kit.errors import MimicError
from mimic_core.kit.numeric import is_count
from mimic_core.models import (
    DecoderSettings,
    Encoder,
    Norm,
    ViTSettings,
    gather_tokens,
    initialise,
    make_blocks,
    masked_loss,
    restore_tokens,
    sincos_positions,
)
from mimic_core.models.weights import encoder_name, naver_options
from mimic_core.objectives.croco.model import CrossBlock

NAVER_MARK = "dec_blocks."  # prefix of the names of its decoder's blocks
DECODER_HEADS = 16  # default of NAVER's code, if ``croco_kwargs`` does not say


def stated_decoder_heads(content: Any) -> int | None:
    """Return the decoder heads that a checkpoint of NAVER's states; None for other checkpoints."""
    options = naver_options(content) if isinstance(content, Mapping) else None
    heads = options.get("dec_num_heads", DECODER_HEADS) if isinstance(options, dict) else None
    return heads if is_count(heads, 1) else None


class NaverCroCo(nn.Module):
    """Cross-view completion, with parameters and buffers named as in the released ``CroCo.pth``.

    Args:
        encoder: size of the encoder; ``class_token`` is false and ``positions`` are ``sincos``.
        decoder: size of the decoder.

    Raises:
        MimicError: the encoder has a class token or other positions.
    """

    enc_pos_embed: Tensor
    dec_pos_embed: Tensor

    def __init__(self, encoder: ViTSettings, decoder: DecoderSettings) -> None:
        super().__init__()
        if encoder.class_token or encoder.positions != "sincos":
            raise MimicError(
                "NAVER's CroCo v1 has no class token and fixed sin-cos positions",
                where="encoder",
                remedy="set class_token to false and positions to sincos",
            )
        self.settings, self.patch_size, grid = encoder, encoder.patch_size, encoder.grid
        self.patch_embed = PatchEmbed(img_size=None, patch_size=encoder.patch_size, embed_dim=encoder.width)
        self.register_buffer("enc_pos_embed", sincos_positions(encoder.width, grid, grid)[0, 1:])
        self.enc_blocks = make_blocks(encoder.width, encoder.depth, encoder.heads, encoder.mlp_ratio)
        self.enc_norm = Norm(encoder.width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder.width))
        self.decoder_embed = nn.Linear(encoder.width, decoder.width)
        self.register_buffer("dec_pos_embed", sincos_positions(decoder.width, grid, grid)[0, 1:])
        self.dec_blocks = nn.ModuleList(
            CrossBlock(decoder.width, decoder.heads, encoder.mlp_ratio) for _ in range(decoder.depth)
        )
        self.dec_norm = Norm(decoder.width)
        self.prediction_head = nn.Linear(decoder.width, encoder.patch_size**2 * 3)

    def initialise(self, seed: int) -> None:
        """Initialise the weights; the same seed gives the same weights."""
        initialise(self, torch.Generator().manual_seed(seed))

    def encode(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return normed tokens (B, N, width) of images (B, 3, H, W), or (B, K, width) of the patches ``keep`` (B, K).

        Images must have the size in the settings.
        """
        tokens = self.patch_embed(images) + self.enc_pos_embed
        if keep is not None:
            tokens = gather_tokens(tokens, keep)
        for block in self.enc_blocks:
            tokens = block(tokens)
        normed: Tensor = self.enc_norm(tokens)
        return normed

    def forward(self, masked_view: Tensor, other_view: Tensor, mask: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Reconstruct the masked patches of one view using the other, and compute the loss.

        Args:
            masked_view: (B, 3, H, W) float, ImageNet-normalised RGB, of the size in the settings.
            other_view: the same, never masked.
            mask: (B, N) bool, true where a patch is masked; the same number in every image.

        Returns:
            The loss ``pixels`` (scalar) on masked patches, and the prediction (B, N, P*P*3) of normalised pixels.
        """
        order = torch.argsort(mask.int(), dim=1, stable=True)
        keep, restore = order[:, : int((~mask[0]).sum())], torch.argsort(order, dim=1)
        visible = self.decoder_embed(self.encode(masked_view, keep))
        tokens = restore_tokens(visible, self.mask_token, restore) + self.dec_pos_embed
        memory = self.decoder_embed(self.encode(other_view)) + self.dec_pos_embed
        for block in self.dec_blocks:
            tokens = block(tokens, memory)
        predicted = self.prediction_head(self.dec_norm(tokens))
        return {"pixels": masked_loss(predicted, masked_view, mask.float(), self.patch_size)}, predicted

    def encoder(self) -> Encoder:
        """Return a copy of the encoder, on the CPU."""
        encoder = Encoder(self.settings)
        names = encoder.state_dict().keys()
        weights = {encoder_name(name): value for name, value in self.state_dict().items()}
        weights["pos_embed"] = weights["pos_embed"].unsqueeze(0)
        encoder.load_state_dict({name: value for name, value in weights.items() if name in names})
        return encoder
