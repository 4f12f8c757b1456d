"""CroCo on pairs: reconstruct one view using the other, without any augmentation (paper, section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd
from torch import Tensor

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import Share
from mimic_core.models import ViTSettings, random_masking
from mimic_core.models.weights import Checkpoint
from mimic_core.objectives.augment import normalise, to_float
from mimic_core.objectives.base import OPTIONS, Batch, Blueprint, Objective, RunSettings, images_of
from mimic_core.objectives.croco.matched import matched_noise, matched_patches
from mimic_core.objectives.croco.model import CroCo
from mimic_core.objectives.croco.naver import NAVER_MARK, NaverCroCo, stated_decoder_heads
from mimic_core.objectives.decoders import describe_decoder, described_decoder, released_decoder
from mimic_core.objectives.painter import Painter
from mimic_core.objectives.pictures import hidden, painted, viewable
from mimic_core.objectives.stores import Arrays, Request


@settings(OPTIONS)
class CroCoOptions:
    """Options of CroCo."""

    matched_share: Share | None = key(
        "share of the masked patches that have a mined match in the other view, in training only; null: random,"
        " as in the paper",
        default=None,
    )


class CroCoObjective(Objective[CroCo], Painter):
    """CroCo with one pair per sample; the view to mask is drawn at random.

    Args:
        mask_ratio: share of the patches to mask.
        options: see :class:`CroCoOptions`.
    """

    name, models, marks = "croco", (CroCo, NaverCroCo), ("decoder_blocks_croco.", NAVER_MARK)
    samples_per_item, sees_other = 1, True
    weights = MappingProxyType({"pixels": 1.0})
    options_kind = CroCoOptions

    def __init__(self, mask_ratio: float = 0.9, options: CroCoOptions | None = None) -> None:
        self.mask_ratio, self.options = mask_ratio, options or CroCoOptions()

    def configured(self, run: RunSettings) -> Self:
        """See :class:`Objective`."""
        options = read_settings(CroCoOptions, run.options, OPTIONS)
        return type(self)(run.mask_ratio or self.mask_ratio, options)

    def build(self, settings: RunSettings) -> CroCo:
        """See :class:`Objective`."""
        return CroCo(settings.encoder, settings.decoder, settings.mask_ratio or self.mask_ratio)

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draw the masking noise and the view to mask."""
        return self.fixed_draws(rng, samples, patches) | {"first": rng.integers(0, 2, samples)}

    def adapt(self, draws: dict[str, np.ndarray], rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Change the noise so that ``matched_share`` of the masked patches are matched."""
        share = self.options.matched_share
        if share is None:
            return draws
        matched = matched_patches(rows, draws["first"], math.isqrt(draws["noise"].shape[1]))
        return draws | {"noise": matched_noise(draws["noise"], matched, self.mask_ratio, share)}

    def request(self, samples: np.ndarray, draws: Arrays, items: np.ndarray) -> Request:
        """Request ``painted``, the view to mask, and ``other``, the pair's other view: (B, S, S, 3) uint8 each."""
        first, pairs = draws["first"], items[samples]
        return {"painted": images_of(pairs, first), "other": images_of(pairs, 1 - first)}

    def validation_requests(self, samples: np.ndarray, items: np.ndarray) -> dict[str, Request]:
        """Request view 1 with its own view 2, and with view 2 of a pair half the set away, mostly of another unit."""
        one, two = np.zeros_like(samples), np.ones_like(samples)
        painted = images_of(items[samples], one)
        requests: dict[str, Request] = {"val_loss": {"painted": painted, "other": images_of(items[samples], two)}}
        if len(items) > 1:
            others = items[(samples + len(items) // 2) % len(items)]
            requests["val_loss_shuffled"] = {"painted": painted, "other": images_of(others, two)}
        return requests

    def inputs(self, batch: Batch, draws: Batch) -> tuple[Tensor, ...]:
        """Make both views and the noise."""
        painted, other = (normalise(to_float(batch[name])) for name in ("painted", "other"))
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

    def paint(
        self, model: CroCo | NaverCroCo, view: Tensor, other: Tensor, noise: Tensor, mask_ratio: float
    ) -> tuple[Tensor, Tensor]:
        """See :class:`Painter`."""
        if isinstance(model, NaverCroCo):
            mask = random_masking(noise, mask_ratio).mask
            return model(view, other, mask.bool())[1], mask
        model.mask_ratio = mask_ratio
        _, predicted, mask = model(view, other, noise)
        return predicted, mask

    def describe(self, model: CroCo | NaverCroCo) -> dict[str, Any] | None:
        """See :class:`Objective`; NAVER's model can be read only from NAVER's file."""
        return None if isinstance(model, NaverCroCo) else describe_decoder(model, model.decoder_blocks_croco)

    def described(self, header: Mapping[str, Any], encoder: ViTSettings, path: Path) -> Blueprint:
        """See :class:`Objective`."""
        decoder, ratio = described_decoder(header, path, 0.9)
        return Blueprint(partial(CroCo, encoder, decoder, ratio), encoder.depth + decoder.depth)

    def released(
        self, mark: str, encoder: ViTSettings, found: Checkpoint, decoder_heads: int | None, content: Any
    ) -> Blueprint:
        """Return how to build the model of a checkpoint of MIMIC's, or of NAVER's CroCo v1."""
        naver = mark == NAVER_MARK
        if not naver and not encoder.class_token:
            what, remedy = "the encoder has no class token", "use MIMIC's CroCo"
            raise MimicError(what, where=found.path, remedy=remedy)
        if naver and (encoder.class_token or encoder.positions != "sincos"):
            what = f"the encoder has {encoder.positions} positions, but CroCo v1 has sincos"
            raise MimicError(what, where=found.path, remedy="use NAVER's CroCo v1; the decoder of v2 is not supported")
        decoder = released_decoder(found, mark, stated_decoder_heads(content) or decoder_heads)
        return Blueprint(partial(NaverCroCo if naver else CroCo, encoder, decoder), encoder.depth + decoder.depth)


OBJECTIVE = CroCoObjective()
