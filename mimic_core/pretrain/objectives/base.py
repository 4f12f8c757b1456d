"""What a pretraining objective says: its samples, its draws, its model and its inputs. The loop knows no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from mimic_core.models.mae import MaskedModel
from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.pretrain.data import Request


class Objective(ABC):
    """One way to pretrain.

    Attributes:
        samples_per_pair: how many training samples a pair makes.
        mask_ratio: the share of hidden patches where the config names none.
    """

    samples_per_pair: int
    mask_ratio: float

    @abstractmethod
    def build(self, encoder: ViTSettings, decoder: DecoderSettings, mask_ratio: float) -> MaskedModel:
        """The model; ``model(*inputs)`` returns its loss first."""

    def fixed_draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draws of validation: which patches are hidden. Each array has a row a sample."""
        return {"noise": rng.random((samples, patches), dtype=np.float32)}

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draws of training, augmentation included. Each array has a row a sample."""
        return self.fixed_draws(rng, samples, patches)

    @abstractmethod
    def request(self, samples: np.ndarray, draws: Mapping[str, np.ndarray]) -> Request:
        """The images of the samples, whose pairs are numbered from 0."""

    @abstractmethod
    def validation_requests(self, samples: np.ndarray, pairs: int) -> dict[str, Request]:
        """The images of the samples for each measure of validation, named as its column of ``metrics.csv``.

        ``pairs`` is the number of validation pairs; those of one unit are neighbours.
        """

    @abstractmethod
    def inputs(self, images: Tensor, draws: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The model's inputs, on the device, from (B, V, S, S, 3) uint8 images and the draws of the same samples."""
