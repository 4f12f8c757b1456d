"""An encoder with a dense head on top, its output in the label's own units."""

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
    """Mean and deviation of the training labels: the head's output 0 means the mean, 1 a deviation above it."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, samples: Samples) -> Scale:
        """Over all channels of the valid pixels."""
        return cls.over([samples])

    @classmethod
    def over(cls, chunks: Iterable[Samples]) -> Scale:
        """:meth:`of` samples that need not be in memory at once."""
        parts = []
        for samples in chunks:
            labels = np.moveaxis(samples.target, 1, -1)[samples.valid]
            if labels.size:
                parts.append((labels.size, labels.mean(dtype=np.float64), labels.std(dtype=np.float64)))
        if not parts:
            raise MimicError("no pixel of the training images has a label", remedy="check the dataset's labels")
        counts, means, deviations = np.array(parts, dtype=np.float64).T
        mean, deviation = float(means[0]), float(deviations[0])
        if len(parts) > 1:  # the variance within the chunks and between them
            mean = float(np.average(means, weights=counts))
            deviation = math.sqrt(np.average(deviations**2 + (means - mean) ** 2, weights=counts))
        return cls(mean, max(deviation, 1e-6))


def evenly_spaced(depth: int) -> list[int]:
    """Four of ``depth`` blocks, evenly spaced up to the last (12: 2, 5, 8, 11, as the released MultiMAE)."""
    return [math.ceil((level + 1) * depth / LEVELS) - 1 for level in range(LEVELS)]


def build_head(settings: HeadSettings, width: int, channels: int, seed: int) -> DPTHead:
    """A DPT head of random weights (PyTorch's defaults, as released); the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "head"))
        head = DPTHead(width, channels, tuple(settings.layer_dims), settings.feature)
    # convolutions take two thirds of the time so, on a CPU; torch's types do not know the argument
    laid_out: DPTHead = head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def normalise(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """RGB (B, H, W, 3) uint8 to (B, 3, H, W) float32 with ImageNet's mean and deviation."""
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float()
    mean, deviation = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels - 255 * mean) / (255 * deviation)


class DenseModel(nn.Module):
    """Images to labels.

    Args:
        encoder: the vision transformer.
        head: a DPT head for its width.
        hooks: the four blocks whose tokens the head takes.
        scale: what the head's output means.
        frozen: the encoder takes no gradient and stays in evaluation mode.
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
        """Where the weights are."""
        return next(self.head.parameters()).device

    def train(self, mode: bool = True) -> DenseModel:
        """Set the mode; a frozen encoder stays in evaluation mode (no drop path)."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def autocast(self) -> torch.autocast:
        """The precision that encoder and head run in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def features(self, images: NDArray[np.uint8]) -> list[Tensor]:
        """Patch tokens (B, N, width) of the hooked blocks, from RGB (B, S, S, 3) uint8."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen), self.autocast():
            layers = self.encoder.forward_layers(normalise(images, self.device), self.hooks)
        return [tokens[:, self.encoder.prefix_tokens :] for tokens in layers]

    def predict(self, features: Sequence[Tensor], size: int) -> Tensor:
        """Labels (B, C, size, size) float32, in their own units, from :meth:`features` of (S = size) images."""
        grid = size // self.encoder.patch_size
        with self.autocast():
            output: Tensor = self.head(features, (grid, grid)).float()
        if output.shape[-1] != size:  # patches of other than 16 pixels
            output = functional.interpolate(output, size=(size, size), mode="bilinear", align_corners=True)
        return output * self.scale.deviation + self.scale.mean

    def forward(self, images: NDArray[np.uint8]) -> Tensor:
        """Labels (B, C, S, S) of RGB (B, S, S, 3) uint8."""
        return self.predict(self.features(images), images.shape[1])
