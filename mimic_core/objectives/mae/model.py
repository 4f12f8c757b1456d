"""MAE: an encoder that sees a quarter of an image and a decoder that reconstructs the rest (He et al., 2022)."""

from __future__ import annotations

from torch import Tensor

from mimic_core.models import DecoderSettings, MaskedModel, ViTSettings, make_blocks, masked_loss, random_masking


class MAE(MaskedModel):
    """Masked autoencoder. Parameters are named as in the released checkpoints, so that these load by name."""

    def __init__(self, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float = 0.75) -> None:
        super().__init__(encoder, decoder, mask_ratio)
        self.decoder_blocks = make_blocks(decoder.width, decoder.depth, decoder.heads)

    def forward(self, images: Tensor, noise: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Mask patches, reconstruct them, and compute the loss.

        Args:
            images: (B, 3, H, W) float, ImageNet-normalised RGB, of the size in the settings.
            noise: (B, N) uniform draws; the patches with the smallest stay visible.

        Returns:
            The loss ``pixels`` (scalar), the prediction (B, N, P*P*3) of normalised pixels, the mask (B, N), 1 where
            masked.
        """
        keep, restore, mask = random_masking(noise, self.mask_ratio)
        tokens = self.fill(self.encode(images, keep), restore)
        for block in self.decoder_blocks:
            tokens = block(tokens)
        predicted = self.paint(tokens)
        return {"pixels": masked_loss(predicted, images, mask, self.patch_size)}, predicted, mask
