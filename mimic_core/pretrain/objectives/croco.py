"""CroCo on pairs: paint one view with the help of the other, without any other augmentation (paper, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from mimic_core.models.croco import CroCo
from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.pretrain.augment import normalise, to_float
from mimic_core.pretrain.data import Request
from mimic_core.pretrain.objectives.base import Objective


class CroCoObjective(Objective):
    """One pair a sample; which of its views is painted is drawn."""

    samples_per_pair = 1
    mask_ratio = 0.9

    def build(self, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float) -> CroCo:
        """See :class:`Objective`."""
        return CroCo(encoder, decoder, mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Noise, and the view that is painted."""
        return self.fixed_draws(rng, samples, patches) | {"first": rng.integers(0, 2, samples)}

    def request(self, samples: np.ndarray, draws: Mapping[str, np.ndarray]) -> Request:
        """The view that is painted, then the other of the same pair."""
        first = draws["first"]
        return Request(np.stack([samples, samples], axis=1), np.stack([first, 1 - first], axis=1))

    def validation_requests(self, samples: np.ndarray, pairs: int) -> dict[str, Request]:
        """View 1 with its own view 2, and with that of the pair half the set away: of another unit, mostly."""
        views = np.tile([0, 1], (len(samples), 1))
        others = (samples + pairs // 2) % pairs
        requests = {"val_loss": Request(np.stack([samples, samples], axis=1), views)}
        if pairs > 1:
            requests["val_loss_shuffled"] = Request(np.stack([samples, others], axis=1), views)
        return requests

    def inputs(self, images: Tensor, draws: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Both views and noise."""
        painted, other = (normalise(to_float(images[:, view])) for view in (0, 1))
        return painted, other, draws["noise"]
