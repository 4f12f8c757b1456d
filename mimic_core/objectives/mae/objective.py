"""MAE on pairs: both images of every pair are samples of their own (paper, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor

from mimic_core.objectives.augment import crop, draw_boxes, normalise, to_float
from mimic_core.objectives.base import ImageObjective, RunSettings
from mimic_core.objectives.mae.model import MAE
from mimic_core.objectives.pictures import hidden, painted, viewable


class MAEObjective(ImageObjective[MAE]):
    """One image a sample, randomly cropped and flipped."""

    mask_ratio = 0.75
    weights = MappingProxyType({"pixels": 1.0})

    def build(self, settings: RunSettings) -> MAE:
        """See :class:`Objective`."""
        return MAE(settings.encoder, settings.decoder, settings.mask_ratio or self.mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Noise, crop and flip."""
        fixed = self.fixed_draws(rng, samples, patches)
        return fixed | {"boxes": draw_boxes(rng, samples), "flips": rng.random(samples) < 0.5}

    def inputs(self, images: Tensor, draws: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Images and noise; cropped and flipped where there are draws for it."""
        single = to_float(images[:, 0])
        if "boxes" in draws:
            single = crop(single, draws["boxes"], draws["flips"])
        return normalise(single), draws["noise"]

    def pictures(self, inputs: tuple[Tensor, ...], outputs: tuple[Any, ...], model: MAE) -> dict[str, Tensor]:
        """See :class:`Objective`."""
        (images, _), (_, predicted, mask) = inputs, outputs
        return {
            "masked": hidden(images, mask, model.patch_size),
            "painted": painted(images, predicted, mask, model.patch_size),
            "true": viewable(images),
        }
