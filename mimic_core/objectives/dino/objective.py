"""DINO on pairs: each image of a pair is a separate sample, with crops and colour jitter (Caron et al., 2021)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.numeric import is_number
from mimic_core.kit.settings import read_settings
from mimic_core.models import ViTSettings
from mimic_core.models.weights import COPY_AGAIN
from mimic_core.objectives.augment import (
    blur,
    decolour,
    draw_boxes,
    draw_jitter,
    jitter,
    normalise,
    resized_crop,
    solarise,
    to_float,
)
from mimic_core.objectives.base import OPTIONS, Batch, Blueprint, ImageObjective, RunSettings
from mimic_core.objectives.dino.model import DINO, DINOSettings

GLOBAL_SCALE, LOCAL_SCALE = (0.4, 1.0), (0.05, 0.4)  # shares of the image's area
LOCAL_SIDE = 3 / 7  # share of the image's side: 96 of 224 pixels
JITTER, GREY = 0.8, 0.2  # probabilities
BLUR_FIRST, BLUR_SECOND, BLUR_LOCAL = 1.0, 0.1, 0.5  # probabilities, for the two global crops and the local ones
SOLARISE_SECOND = 0.2  # probability, for the second global crop
SIGMAS, FRAME = (0.1, 2.0), 224  # deviations of the blur in pixels, for images of this side


class DINOObjective(ImageObjective[DINO]):
    """DINO with one image per sample: two global crops and some local ones.

    Args:
        options: options of the model; None: the paper's.
        patch_size: side of a patch, pixels; the side of a local crop is a multiple of it.
    """

    name, models = "dino", (DINO,)
    mask_ratio = 0.0
    options_kind = DINOSettings
    weights = MappingProxyType({"crops": 1.0})

    def __init__(self, options: DINOSettings | None = None, patch_size: int = 16) -> None:
        self.options, self.patch_size = options or DINOSettings(), patch_size

    def configured(self, settings: RunSettings) -> Self:
        """See :class:`Objective`."""
        return type(self)(read_settings(DINOSettings, settings.options, OPTIONS), settings.encoder.patch_size)

    def build(self, settings: RunSettings) -> DINO:
        """See :class:`Objective`."""
        return DINO(settings.encoder, self.configured(settings).options, settings.epochs)

    def fixed_draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draw all randomness; validation needs crops too. Arrays are (samples, crops, ...)."""
        local = self.options.local_crops
        shape = (samples, 2 + local)
        boxes = [
            draw_boxes(rng, samples * crops, scale).reshape(samples, crops, 4)
            for crops, scale in ((2, GLOBAL_SCALE), (local, LOCAL_SCALE))
        ]
        blurred = rng.random(shape) < [BLUR_FIRST, BLUR_SECOND, *[BLUR_LOCAL] * local]
        return {
            "boxes": np.concatenate(boxes, axis=1),
            "flips": rng.random(shape) < 0.5,
            "jitter": draw_jitter(rng, shape, JITTER),
            "grey": rng.random(shape) < GREY,
            "sigmas": np.where(blurred, rng.uniform(*SIGMAS, shape), 0).astype(np.float32),
            "solarise": rng.random(shape) < [0.0, SOLARISE_SECOND, *[0.0] * local],
        }

    def inputs(self, batch: Batch, draws: Batch) -> tuple[Tensor, ...]:
        """Make the global crops, of the image's size, and the local ones."""
        images = batch["images"]
        size = images.shape[2]
        with torch.autocast(images.device.type, enabled=False):  # pixels and coordinates need float32 precision
            single = to_float(images)
            first = {name: values[:, :2] for name, values in draws.items()}
            rest = {name: values[:, 2:] for name, values in draws.items()}
            return augment(single, first, size), augment(single, rest, local_side(size, self.patch_size))

    def example(self, settings: RunSettings) -> tuple[Tensor, ...]:
        """See :class:`Objective`."""
        size, local = settings.encoder.image_size, local_side(settings.encoder.image_size, self.patch_size)
        return torch.zeros(1, 2, 3, size, size), torch.zeros(1, self.options.local_crops, 3, local, local)

    def describe(self, model: DINO) -> dict[str, Any]:
        """See :class:`Objective`."""
        return {"options": dataclasses.asdict(model.options), "epochs": model.epochs}

    def described(self, header: Mapping[str, Any], encoder: ViTSettings, path: Path) -> Blueprint:
        """See :class:`Objective`."""
        options = read_settings(DINOSettings, header.get("options", {}), f"{path}: options")
        epochs = header.get("epochs", 1)
        if not is_number(epochs) or epochs <= 0:
            raise MimicError(f"the file states {shown(epochs)} epochs", where=path, remedy=COPY_AGAIN)
        return Blueprint(partial(DINO, encoder, options, float(epochs)), 2 * encoder.depth)

    def before_step(self, model: DINO, done: float) -> None:
        """See :class:`Objective`."""
        model.before_step(done)

    def after_step(self, model: DINO, done: float) -> None:
        """See :class:`Objective`."""
        model.after_step(done)


OBJECTIVE = DINOObjective()


def local_side(image_size: int, patch_size: int) -> int:
    """Return the side of a local crop in pixels: 3/7 of the image's, rounded to whole patches."""
    return max(1, round(LOCAL_SIDE * image_size / patch_size)) * patch_size


def augment(images: Tensor, draws: Mapping[str, Tensor], size: int) -> Tensor:
    """Make augmented, normalised crops (B, C, 3, size, size) of images (B, 3, S, S), 0 to 255, by draws (B, C, ...)."""
    flat = {name: values.flatten(0, 1) for name, values in draws.items()}
    crops = resized_crop(images, draws["boxes"], draws["flips"], size).flatten(0, 1)
    crops = decolour(jitter(crops, flat["jitter"]), flat["grey"])
    crops = blur(crops, flat["sigmas"] * (images.shape[-1] / FRAME))
    augmented: Tensor = normalise(solarise(crops, flat["solarise"])).unflatten(0, draws["flips"].shape)
    return augmented
