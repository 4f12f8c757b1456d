"""What a pretraining objective says: its samples, its draws, its model and its inputs. The loop knows no more."""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from torch import Tensor, nn

from mimic_core.kit.settings import read_settings
from mimic_core.models.settings import DecoderSettings, ViTSettings

Model = TypeVar("Model", bound=nn.Module)


class Request(NamedTuple):
    """Which images a batch is made of.

    Attributes:
        pairs: (B, V) indices into the dataset.
        views: (B, V), 0 for the first view of that pair and 1 for the second.
    """

    pairs: np.ndarray
    views: np.ndarray


class RunSettings(Protocol):
    """What an objective asks of a run's settings; :class:`mimic_core.pretrain.settings.PretrainSettings` is such."""

    @property
    def encoder(self) -> ViTSettings:
        """Size of the encoder."""

    @property
    def decoder(self) -> DecoderSettings:
        """Size of the decoder."""

    @property
    def mask_ratio(self) -> float | None:
        """Share of the patches hidden; None: the objective's own."""

    @property
    def epochs(self) -> int:
        """Passes over the training samples."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The objective's own."""


OPTIONS = "pretrain.options"  # where options stand in the config


@dataclass(frozen=True)
class NoOptions:
    """Of an objective that has none."""


class Objective(ABC, Generic[Model]):
    """One way to pretrain.

    Attributes:
        samples_per_pair: how many training samples a pair makes.
        mask_ratio: the share of hidden patches where the config names none.
        weights: name of each loss of the model -> its weight in the loss that is minimised.
    """

    samples_per_pair: int
    mask_ratio: float
    weights: Mapping[str, float]

    def configured(self, settings: RunSettings) -> Self:
        """The objective with a run's ``options``; by default it has none.

        Raises:
            MimicError: an option that it does not have, or with an impossible value.
        """
        read_settings(NoOptions, settings.options, OPTIONS)
        return self

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The loss that is minimised: the sum of the losses (scalars), each times its weight."""
        terms = [weight * losses[name] for name, weight in self.weights.items()]
        return functools.reduce(operator.add, terms)

    @abstractmethod
    def build(self, settings: RunSettings) -> Model:
        """The model; it has ``initialise(seed)`` and ``encoder()``.

        ``model(*inputs)`` returns a tuple: first the losses by name (scalars), then what :meth:`pictures` needs.
        """

    def fixed_draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draws of validation: which patches are hidden. Each array has a row a sample."""
        return {"noise": rng.random((samples, patches), dtype=np.float32)}

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draws of training, augmentation included. Each array has a row a sample."""
        return self.fixed_draws(rng, samples, patches)

    def adapt(self, draws: dict[str, np.ndarray], rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Draws of training in the light of what is known of the pairs.

        Args:
            draws: as :meth:`draws` makes them, of any samples.
            rows: the dataset's row of the pair of each of these samples, in the same order.
        """
        return draws

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

    def pictures(self, inputs: tuple[Tensor, ...], outputs: tuple[Any, ...], model: Model) -> dict[str, Tensor]:
        """What the model paints, for people to look at: title -> (B, 3, S, S) colours from 0 to 1; none by default.

        Args:
            inputs: as :meth:`inputs` makes them.
            outputs: of the model, for these inputs.
            model: what :meth:`build` made.
        """
        return {}

    def before_step(self, model: Model, done: float) -> None:
        """Called between the last backward pass of a step and the clipping of its gradients.

        Args:
            model: what :meth:`build` made.
            done: share of the training finished before this step, 0 to 1.
        """

    def after_step(self, model: Model, done: float) -> None:
        """Called after the optimizer's step, by every process.

        Args:
            model: what :meth:`build` made.
            done: share of the training finished, this step included, 0 to 1.
        """


class ImageObjective(Objective[Model]):
    """Both images of every pair are samples of their own: sample 2i is view 1 of pair i, sample 2i + 1 its view 2."""

    samples_per_pair = 2

    def request(self, samples: np.ndarray, draws: Mapping[str, np.ndarray]) -> Request:
        """See :class:`Objective`."""
        return Request(samples[:, None] // 2, samples[:, None] % 2)

    def validation_requests(self, samples: np.ndarray, pairs: int) -> dict[str, Request]:
        """The images as they are."""
        return {"val_loss": self.request(samples, {})}
