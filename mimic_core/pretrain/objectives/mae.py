"""MAE on pairs: both images of every pair are samples of their own (paper, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from mimic_core.models.mae import MAE
from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.pretrain.augment import crop, draw_boxes, normalise, to_float
from mimic_core.pretrain.data import Request
from mimic_core.pretrain.objectives.base import Objective


class MAEObjective(Objective):
    """One image a sample, randomly cropped and flipped."""

    samples_per_pair = 2
    mask_ratio = 0.75

    def build(self, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float) -> MAE:
        """See :class:`Objective`."""
        return MAE(encoder, decoder, mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Noise, crop and flip."""
        fixed = self.fixed_draws(rng, samples, patches)
        return fixed | {"boxes": draw_boxes(rng, samples), "flips": rng.random(samples) < 0.5}

    def request(self, samples: np.ndarray, draws: Mapping[str, np.ndarray]) -> Request:
        """Sample 2i is view 1 of pair i, sample 2i + 1 its view 2."""
        return Request(samples[:, None] // 2, samples[:, None] % 2)

    def validation_requests(self, samples: np.ndarray, pairs: int) -> dict[str, Request]:
        """The images as they are."""
        return {"val_loss": self.request(samples, {})}

    def inputs(self, images: Tensor, draws: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Images and noise; cropped and flipped where there are draws for it."""
        single = to_float(images[:, 0])
        if "boxes" in draws:
            single = crop(single, draws["boxes"], draws["flips"])
        return normalise(single), draws["noise"]
