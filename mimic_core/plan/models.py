"""The models that a config pretrains, with what determines their cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mimic_core.kit.settings import read_settings
from mimic_core.models import DecoderSettings, ViTSettings, vit_settings
from mimic_core.objectives import Cost, get_objective


@dataclass(frozen=True)
class Model:
    """The part of a pretraining run that determines its cost: the settings its objective reads, and its length.

    Attributes:
        name: the objective.
        encoder, decoder, mask_ratio, options, epochs: see :class:`mimic_core.pretrain.PretrainSettings`.
        epoch_of: the dataset whose size defines an epoch.
        validation_share: share of the units held out from training.
    """

    name: str
    encoder: ViTSettings
    decoder: DecoderSettings
    mask_ratio: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 1
    epoch_of: str = ""
    validation_share: float = 0.0

    @property
    def cost(self) -> Cost:
        """Cost of a training sample, as its objective counts it."""
        options = json.dumps(dict(self.options), sort_keys=True)
        return counted(self.name, self.encoder, self.decoder, self.mask_ratio, options)

    @property
    def operations(self) -> float:
        """Operations per pair, forward and backward."""
        return get_objective(self.name).samples_per_item * self.cost.operations


@cache
def counted(name: str, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float | None, options: str) -> Cost:
    """Return the cost of a model; ``options`` is JSON. Cached: counting takes up to a second, and runs share models."""
    model = Model(name, encoder, decoder, mask_ratio, json.loads(options))
    return get_objective(name).configured(model).cost(model)


def read_model(settings: Mapping[str, Any], where: str = "pretrain") -> Model:
    """Read the model of a run from its settings in the config or a receipt; ``where`` names these in errors."""
    return Model(
        name=str(settings["model"]),
        encoder=vit_settings(
            {**settings.get("encoder", {}), "image_size": settings.get("image_size", 224)}, f"{where}.encoder"
        ),
        decoder=read_settings(DecoderSettings, settings.get("decoder", {}), f"{where}.decoder"),
        mask_ratio=settings.get("mask_ratio"),
        options=settings.get("options", {}),
        epochs=int(settings.get("epochs", 1)),
        epoch_of=str(settings.get("epoch_of", settings.get("dataset", ""))),
        validation_share=float(settings.get("validation_share", 0)),
    )


def run_model(config: Mapping[str, Any], run: str) -> Model:
    """Return the model of a pretraining run: the shared settings with the run's overrides."""
    shared = config["pretrain"]
    return read_model({**shared, **shared["runs"][run]})
