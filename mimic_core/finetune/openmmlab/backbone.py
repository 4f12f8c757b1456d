"""Our vision transformer as a backbone of MMSegmentation and MMPose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from mimic_core.finetune.settings import RANDOM
from mimic_core.models import Encoder, build_encoder, load_pretrained


@MODELS.register_module()  # the root registry: those of mmseg and mmpose fall back to it
class MimicBackbone(BaseModule):
    """Computes feature maps of patch tokens from images.

    Args:
        weights: ``random`` or the path of a checkpoint for :func:`mimic_core.models.load_pretrained`; every parameter
            must match.
        architecture: fields of :class:`mimic_core.models.ViTSettings` for random weights.
        seed: seed of random weights.
        hooks: indices of the blocks whose tokens are returned (-1 is the last), in ascending order.
        frozen: the encoder gets no gradient and stays in evaluation mode.
        drop_path: stochastic depth rate at the last block.
        norm: apply the encoder's final norm to the tokens; only meant for the last block.
        bf16: run under bf16 autocast; the maps are float32.

    Attributes:
        encoder: the :class:`mimic_core.models.Encoder`.
    """

    def __init__(
        self,
        weights: str = RANDOM,
        architecture: Mapping[str, Any] | None = None,
        seed: int = 0,
        hooks: Sequence[int] = (-1,),
        frozen: bool = False,
        drop_path: float = 0.0,
        norm: bool = False,
        bf16: bool = False,
    ) -> None:
        super().__init__()
        self.encoder: Encoder = (
            build_encoder(dict(architecture or {}), seed, drop_path=drop_path)
            if weights == RANDOM
            else load_pretrained(weights, drop_path=drop_path)
        )
        self.hooks = [hook % self.encoder.depth if hook < 0 else hook for hook in hooks]
        self.frozen, self.norm, self.bf16 = frozen, norm, bf16
        if frozen:
            self.encoder.requires_grad_(False)

    def init_weights(self) -> None:
        """Do nothing: the encoder has its weights already."""

    def train(self, mode: bool = True) -> MimicBackbone:
        """Set the mode; a frozen encoder stays in evaluation mode (no drop path)."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the feature maps of the hooked blocks.

        Args:
            images: (B, 3, H, W) float, ImageNet-normalised RGB, with sides that are multiples of the patch size.

        Returns:
            One map (B, width, H / patch size, W / patch size) float32 per hook.
        """
        grid = self.encoder.grid_of(images)
        learns = torch.is_grad_enabled() and not self.frozen
        with (
            torch.set_grad_enabled(learns),
            torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16),
        ):
            layers = self.encoder.forward_layers(images, self.hooks)
            if self.norm:
                layers = [self.encoder.norm(tokens) for tokens in layers]
        patches = (tokens[:, self.encoder.prefix_tokens :].float() for tokens in layers)
        return tuple(tokens.transpose(1, 2).unflatten(2, grid) for tokens in patches)
