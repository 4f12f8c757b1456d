"""MAE on pairs: each image of a pair is a separate sample (paper, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor

from mimic_core.kit.errors import MimicError
from mimic_core.models import ViTSettings
from mimic_core.models.weights import Checkpoint
from mimic_core.objectives.augment import crop, draw_boxes, normalise, to_float
from mimic_core.objectives.base import Batch, Blueprint, ImageObjective, RunSettings
from mimic_core.objectives.decoders import describe_decoder, described_decoder, released_decoder
from mimic_core.objectives.mae.model import MAE
from mimic_core.objectives.painter import Painter
from mimic_core.objectives.pictures import hidden, painted, viewable


class MAEObjective(ImageObjective[MAE], Painter):
    """MAE with one image per sample, randomly cropped and flipped."""

    name, models, marks = "mae", (MAE,), ("decoder_blocks.",)
    mask_ratio, sees_other = 0.75, False
    weights = MappingProxyType({"pixels": 1.0})

    def build(self, settings: RunSettings) -> MAE:
        """See :class:`Objective`."""
        return MAE(settings.encoder, settings.decoder, settings.mask_ratio or self.mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draw the masking noise, crops and flips."""
        fixed = self.fixed_draws(rng, samples, patches)
        return fixed | {"boxes": draw_boxes(rng, samples), "flips": rng.random(samples) < 0.5}

    def inputs(self, batch: Batch, draws: Batch) -> tuple[Tensor, ...]:
        """Make images and noise; crop and flip the images if there are draws for it."""
        single = to_float(batch["images"])
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

    def paint(self, model: MAE, view: Tensor, other: Tensor, noise: Tensor, mask_ratio: float) -> tuple[Tensor, Tensor]:
        """See :class:`Painter`."""
        model.mask_ratio = mask_ratio
        _, predicted, mask = model(view, noise)
        return predicted, mask

    def describe(self, model: MAE) -> dict[str, Any]:
        """See :class:`Objective`."""
        return describe_decoder(model, model.decoder_blocks)

    def described(self, header: Mapping[str, Any], encoder: ViTSettings, path: Path) -> Blueprint:
        """See :class:`Objective`."""
        decoder, ratio = described_decoder(header, path, self.mask_ratio)
        return Blueprint(partial(MAE, encoder, decoder, ratio), encoder.depth + decoder.depth)

    def released(
        self, mark: str, encoder: ViTSettings, found: Checkpoint, decoder_heads: int | None, content: Any
    ) -> Blueprint:
        """Return how to build the model of one of He et al.'s checkpoints."""
        if not encoder.class_token:
            what, remedy = "the encoder has no class token", "use a released MAE"
            raise MimicError(what, where=found.path, remedy=remedy)
        decoder = released_decoder(found, mark, decoder_heads)
        return Blueprint(partial(MAE, encoder, decoder), encoder.depth + decoder.depth)


OBJECTIVE = MAEObjective()
