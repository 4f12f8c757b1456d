"""An encoder with a DPT head that predicts dense labels in their own units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mimic_core.finetune.data import Samples
from mimic_core.finetune.settings import HeadSettings
from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import seed_for
from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD, LEVELS, DPTHead, Encoder


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of the training labels; the head predicts labels standardised with them."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, samples: Samples) -> Scale:
        """Compute the scale over all channels of the valid pixels."""
        return cls.over([samples])

    @classmethod
    def over(cls, chunks: Iterable[Samples]) -> Scale:
        """Compute the scale over chunks of samples, so that they need not all be in memory.

        Raises:
            MimicError: no pixel is valid.
        """
        parts = []
        for samples in chunks:
            labels = np.moveaxis(samples.target, 1, -1)[samples.valid]
            if labels.size:
                parts.append((labels.size, labels.mean(dtype=np.float64), labels.std(dtype=np.float64)))
        if not parts:
            raise MimicError("no pixel of the training images has a label", remedy="check the dataset's labels")
        counts, means, deviations = np.array(parts, dtype=np.float64).T
        mean, deviation = float(means[0]), float(deviations[0])
        if len(parts) > 1:  # variance within chunks plus variance between them
            mean = float(np.average(means, weights=counts))
            deviation = math.sqrt(np.average(deviations**2 + (means - mean) ** 2, weights=counts))
        return cls(mean, max(deviation, 1e-6))


def evenly_spaced(depth: int) -> list[int]:
    """Return four of ``depth`` block indices, evenly spaced up to the last (12: 2, 5, 8, 11, as in MultiMAE)."""
    return [math.ceil((level + 1) * depth / LEVELS) - 1 for level in range(LEVELS)]


def build_head(settings: HeadSettings, width: int, channels: int, seed: int) -> DPTHead:
    """Build a DPT head whose random weights (PyTorch's defaults, as in MultiMAE) are decided by the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "head"))
        head = DPTHead(width, channels, tuple(settings.layer_dims), settings.feature)
    # channels-last convolutions take a third less time on a CPU; torch's type stubs lack this argument
    laid_out: DPTHead = head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def normalise(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Convert RGB (B, H, W, 3) uint8 to (B, 3, H, W) float32, standardised with ImageNet's statistics."""
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float()
    mean, deviation = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels - 255 * mean) / (255 * deviation)


class DenseModel(nn.Module):
    """Predict a label for every pixel of an image.

    Args:
        encoder: the vision transformer.
        head: a DPT head for its width.
        hooks: indices of the four blocks whose tokens the head takes.
        scale: converts the head's output to the label's units.
        frozen: the encoder gets no gradient and stays in evaluation mode.
        bf16: run encoder and head under bf16 autocast.
    """

    def __init__(
        self, encoder: Encoder, head: DPTHead, hooks: Sequence[int], scale: Scale, *, frozen: bool, bf16: bool
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.hooks, self.scale, self.frozen, self.bf16 = list(hooks), scale, frozen, bf16
        if frozen:
            encoder.requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.head.parameters()).device

    def train(self, mode: bool = True) -> DenseModel:
        """Set the mode; a frozen encoder stays in evaluation mode (no drop path)."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def autocast(self) -> torch.autocast:
        """Return the autocast context that encoder and head run in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def features(self, images: NDArray[np.uint8]) -> list[Tensor]:
        """Return the patch tokens (B, N, width) of the hooked blocks for RGB images (B, S, S, 3) uint8."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen), self.autocast():
            layers = self.encoder.forward_layers(normalise(images, self.device), self.hooks)
        return [tokens[:, self.encoder.prefix_tokens :] for tokens in layers]

    def predict(self, features: Sequence[Tensor], size: int) -> Tensor:
        """Predict labels (B, C, size, size) float32, in their own units, from the :meth:`features` of images."""
        grid = size // self.encoder.patch_size
        with self.autocast():
            output: Tensor = self.head(features, (grid, grid)).float()
        if output.shape[-1] != size:  # the patch size is not 16
            output = functional.interpolate(output, size=(size, size), mode="bilinear", align_corners=True)
        return output * self.scale.deviation + self.scale.mean

    def forward(self, images: NDArray[np.uint8]) -> Tensor:
        """Predict labels (B, C, S, S) for RGB images (B, S, S, 3) uint8."""
        return self.predict(self.features(images), images.shape[1])
