"""CroCo on pairs: paint one view with the help of the other, without any other augmentation (paper, section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd
from torch import Tensor

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import is_number, read_settings
from mimic_core.objectives.augment import normalise, to_float
from mimic_core.objectives.base import OPTIONS, Objective, Request, RunSettings
from mimic_core.objectives.croco.matched import matched_noise, matched_patches
from mimic_core.objectives.croco.model import CroCo
from mimic_core.objectives.pictures import hidden, painted, viewable


@dataclass(frozen=True)
class CroCoOptions:
    """What a run may ask for.

    Attributes:
        matched_share: share of the hidden patches that have a mined match in the other view; None: random, as in the
            paper. In training only: validation hides patches at random whatever it is, so that runs compare.
    """

    matched_share: float | None = None

    def __post_init__(self) -> None:
        share = self.matched_share
        if share is not None and (not is_number(share) or not 0 <= share <= 1):
            remedy = "give a number from 0 to 1, or null for random masks"
            raise MimicError(f"matched_share is {share!r}", where=f"{OPTIONS}.matched_share", remedy=remedy)


class CroCoObjective(Objective[CroCo]):
    """One pair a sample; which of its views is painted is drawn.

    Args:
        mask_ratio: share of the patches hidden.
        options: see :class:`CroCoOptions`.
    """

    samples_per_pair = 1
    weights = MappingProxyType({"pixels": 1.0})

    def __init__(self, mask_ratio: float = 0.9, options: CroCoOptions = CroCoOptions()) -> None:
        self.mask_ratio, self.options = mask_ratio, options

    def configured(self, settings: RunSettings) -> Self:
        """See :class:`Objective`."""
        options = read_settings(CroCoOptions, settings.options, OPTIONS)
        return type(self)(settings.mask_ratio or self.mask_ratio, options)

    def build(self, settings: RunSettings) -> CroCo:
        """See :class:`Objective`."""
        return CroCo(settings.encoder, settings.decoder, settings.mask_ratio or self.mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Noise, and the view that is painted."""
        return self.fixed_draws(rng, samples, patches) | {"first": rng.integers(0, 2, samples)}

    def adapt(self, draws: dict[str, np.ndarray], rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Noise that hides the wanted share of matched patches."""
        share = self.options.matched_share
        if share is None:
            return draws
        matched = matched_patches(rows, draws["first"], math.isqrt(draws["noise"].shape[1]))
        return draws | {"noise": matched_noise(draws["noise"], matched, self.mask_ratio, share)}

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

    def pictures(self, inputs: tuple[Tensor, ...], outputs: tuple[Any, ...], model: CroCo) -> dict[str, Tensor]:
        """See :class:`Objective`."""
        (images, other, _), (_, predicted, mask) = inputs, outputs
        return {
            "other view": viewable(other),
            "masked": hidden(images, mask, model.patch_size),
            "painted": painted(images, predicted, mask, model.patch_size),
            "true": viewable(images),
        }
