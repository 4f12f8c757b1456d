"""Sizes of the models that a config trains, and their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mimic_core.kit.settings import read_settings
from mimic_core.models.settings import DecoderSettings, ViTSettings, vit_settings
from mimic_core.plan.operations import pretraining

MASKED = {"mae": 0.75, "croco": 0.9, "dino": 0.0}  # share of the patches that the paper hides
IMAGES = {"mae": 2, "croco": 1, "dino": 2}  # samples a pair


@dataclass(frozen=True)
class Model:
    """A pretraining run as far as its cost goes."""

    name: str
    epoch_of: str
    encoder: ViTSettings
    decoder: DecoderSettings
    mask_ratio: float
    epochs: float
    validation_share: float

    @property
    def operations(self) -> float:
        """Forward and backward, for a pair: two samples of MAE and DINO."""
        return IMAGES[self.name] * pretraining(self.name, self.encoder, self.decoder, self.mask_ratio)


def run_model(config: Mapping[str, Any], run: str) -> Model:
    """The model of a pretraining run: the shared settings with what the run overrides."""
    shared = config["pretrain"]
    settings = {**shared, **shared["runs"][run]}
    size = settings.get("image_size", 224)
    return Model(
        name=settings["model"],
        epoch_of=settings.get("epoch_of", settings["dataset"]),
        encoder=vit_settings({**settings["encoder"], "image_size": size}, "pretrain.encoder"),
        decoder=read_settings(DecoderSettings, settings["decoder"], "pretrain.decoder"),
        mask_ratio=float(settings.get("mask_ratio") or MASKED[settings["model"]]),
        epochs=float(settings["epochs"]),
        validation_share=float(settings.get("validation_share", 0)),
    )


def encoder_parameters(size: ViTSettings) -> float:
    """Parameters of an encoder; biases, norms and positions are left out."""
    return size.depth * (4 + 2 * size.mlp_ratio) * size.width**2 + 3 * size.patch_size**2 * size.width


def decoder_parameters(size: ViTSettings, decoder: DecoderSettings, model: str) -> float:
    """Parameters of what an objective adds to its encoder."""
    if model == "dino":  # the teacher is a second encoder, with a head
        return encoder_parameters(size) + 2 * 65536 * 256
    cross = 4 if model == "croco" else 0
    return decoder.depth * (12 + cross) * decoder.width**2 + decoder.width * (size.width + 3 * size.patch_size**2)
