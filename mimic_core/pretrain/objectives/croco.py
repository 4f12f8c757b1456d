"""CroCo on pairs: paint one view with the help of the other, without any other augmentation (paper, section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd
from torch import Tensor

from mimic_core.models.croco import CroCo
from mimic_core.pretrain.augment import normalise, to_float
from mimic_core.pretrain.data import Request
from mimic_core.pretrain.objectives.base import Objective
from mimic_core.pretrain.objectives.matched import matched_noise, matched_patches
from mimic_core.pretrain.pictures import hidden, painted, viewable
from mimic_core.pretrain.settings import PretrainSettings


class CroCoObjective(Objective[CroCo]):
    """One pair a sample; which of its views is painted is drawn.

    Args:
        mask_ratio: share of the patches hidden.
        matched_share: share of these that have a mined match in the other view; None: random. In training only:
            validation hides patches at random whatever it is, so that runs compare.
    """

    samples_per_pair = 1

    def __init__(self, mask_ratio: float = 0.9, matched_share: float | None = None) -> None:
        self.mask_ratio, self.matched_share = mask_ratio, matched_share

    def configured(self, settings: PretrainSettings) -> Self:
        """See :class:`Objective`."""
        return type(self)(settings.mask_ratio or self.mask_ratio, settings.matched_share)

    def build(self, settings: PretrainSettings) -> CroCo:
        """See :class:`Objective`."""
        return CroCo(settings.encoder, settings.decoder, settings.mask_ratio or self.mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Noise, and the view that is painted."""
        return self.fixed_draws(rng, samples, patches) | {"first": rng.integers(0, 2, samples)}

    def adapt(self, draws: dict[str, np.ndarray], rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Noise that hides the wanted share of matched patches."""
        if self.matched_share is None:
            return draws
        matched = matched_patches(rows, draws["first"], math.isqrt(draws["noise"].shape[1]))
        return draws | {"noise": matched_noise(draws["noise"], matched, self.mask_ratio, self.matched_share)}

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

    def pictures(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], model: CroCo) -> dict[str, Tensor]:
        """See :class:`Objective`."""
        (images, other, _), (_, predicted, mask) = inputs, outputs
        return {
            "other view": viewable(other),
            "masked": hidden(images, mask, model.patch_size),
            "painted": painted(images, predicted, mask, model.patch_size),
            "true": viewable(images),
        }
