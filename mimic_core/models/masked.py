"""The part that MAE and CroCo share: an encoder on the visible patches, and all of the decoder but its blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mimic_core.models.masking import restore_tokens
from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.models.vit import Encoder, Norm, ViT, initialise, sincos_positions


class MaskedModel(ViT):
    """Base class of MAE and CroCo; a subclass adds the decoder's blocks.

    Args:
        encoder: size of the encoder.
        decoder: size of the decoder.
        mask_ratio: share of the patches that are masked, 0 to 1.
    """

    def __init__(self, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float) -> None:
        super().__init__(encoder)
        self.mask_ratio = mask_ratio
        self.decoder_embed = nn.Linear(encoder.width, decoder.width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder.width))
        positions = sincos_positions(decoder.width, self.grid, self.grid)
        self.decoder_pos_embed = nn.Parameter(positions, requires_grad=False)
        self.decoder_norm = Norm(decoder.width)
        self.decoder_pred = nn.Linear(decoder.width, encoder.patch_size**2 * 3)

    def initialise(self, seed: int) -> None:
        """Initialise the weights; the same seed gives the same weights."""
        initialise(self, torch.Generator().manual_seed(seed))

    def fill(self, latent: Tensor, restore: Tensor) -> Tensor:
        """Project encoder tokens (B, 1 + K, width) to decoder tokens (B, 1 + N, width).

        Fills masked patches with the mask token and adds positions.
        """
        tokens = self.decoder_embed(latent)
        patches = restore_tokens(tokens[:, 1:], self.mask_token, restore)
        return torch.cat([tokens[:, :1], patches], dim=1) + self.decoder_pos_embed

    def paint(self, tokens: Tensor) -> Tensor:
        """Predict pixels (B, N, P*P*3) from decoder tokens (B, 1 + N, width)."""
        pixels: Tensor = self.decoder_pred(self.decoder_norm(tokens))[:, 1:]
        return pixels

    def encoder(self) -> Encoder:
        """Return a copy of the encoder, on the CPU."""
        encoder = Encoder(self.settings)
        names = encoder.state_dict().keys()
        encoder.load_state_dict({name: value for name, value in self.state_dict().items() if name in names})
        return encoder
