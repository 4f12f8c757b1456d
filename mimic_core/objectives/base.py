"""What a pretraining objective says: its samples, its draws, its model and its inputs. The loop knows no more."""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import read_settings, settings
from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.models.weights import Checkpoint
from mimic_core.objectives.cost import Cost, count_cost

Model = TypeVar("Model", bound=nn.Module)


Arrays = Mapping[str, np.ndarray]  # name -> a row a sample
Batch = Mapping[str, Tensor]  # the same on the device
Request = Arrays  # what a batch is made of: rows that the store reads, such as a pair and which of its images


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


@settings(OPTIONS)
class NoOptions:
    """Of an objective that has none."""


class Blueprint(NamedTuple):
    """How the model of a file is built.

    Attributes:
        build: makes it, without its weights.
        blocks: transformer blocks that the file says it has, in encoder and decoder.
    """

    build: Callable[[], nn.Module]
    blocks: int


class Objective(ABC, Generic[Model]):
    """One way to pretrain.

    Attributes:
        name: of its folder, and in the config.
        models: classes of its models, in files too.
        marks: how names of weights start that its released checkpoints alone have; see :meth:`released`.
        samples_per_item: how many training samples an item of the dataset makes, such as a pair of images.
        mask_ratio: the share of hidden patches where the config names none.
        weights: name of each loss of the model -> its weight in the loss that is minimised.
        options_kind: the settings class of its ``options``.
    """

    name: str
    models: tuple[type[nn.Module], ...]
    marks: tuple[str, ...] = ()
    samples_per_item: int
    mask_ratio: float
    weights: Mapping[str, float]
    options_kind: type = NoOptions

    def configured(self, run: RunSettings) -> Self:
        """The objective with a run's ``options``; by default it has none.

        Raises:
            MimicError: an option that it does not have, or with an impossible value.
        """
        read_settings(NoOptions, run.options, OPTIONS)
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
        """Draws of training in the light of what is known of the items.

        Args:
            draws: as :meth:`draws` makes them, of any samples.
            rows: the dataset's row of the item of each of these samples, in the same order.
        """
        return draws

    @abstractmethod
    def request(self, samples: np.ndarray, draws: Arrays, items: np.ndarray) -> Request:
        """What the model is to see of some samples.

        Args:
            samples: (B,) numbers; sample i is of item i // ``samples_per_item``.
            draws: of these samples.
            items: row of the dataset of each item, by its number.
        """

    @abstractmethod
    def validation_requests(self, samples: np.ndarray, items: np.ndarray) -> dict[str, Request]:
        """What the model is to see for each measure of validation, named as its column of ``metrics.csv``.

        ``items`` as in :meth:`request`; those of one unit are neighbours. ``val_loss`` is always among the measures.
        """

    @abstractmethod
    def inputs(self, batch: Batch, draws: Batch) -> tuple[Tensor, ...]:
        """The model's inputs, on the device, from the arrays that were requested and the draws of the same samples."""

    def pictures(self, inputs: tuple[Tensor, ...], outputs: tuple[Any, ...], model: Model) -> dict[str, Tensor]:
        """What the model paints, for people to look at: title -> (B, 3, S, S) colours from 0 to 1; none by default.

        Args:
            inputs: as :meth:`inputs` makes them.
            outputs: of the model, for these inputs.
            model: what :meth:`build` made.
        """
        return {}

    def example(self, settings: RunSettings) -> tuple[Tensor, ...]:
        """Inputs of the model for one sample of black images of the run's size, on the CPU."""
        rng, size = np.random.default_rng(0), settings.encoder.image_size
        draws = self.draws(rng, 1, settings.encoder.grid**2)
        asked = self.request(np.zeros(1, dtype=np.int64), draws, np.zeros(1, dtype=np.int64))
        batch = {name: torch.zeros((1, size, size, 3), dtype=torch.uint8) for name in asked}
        return self.inputs(batch, {name: torch.from_numpy(values) for name, values in draws.items()})

    def cost(self, settings: RunSettings) -> Cost:
        """What training takes, counted on a model of a run's size; the objective has the run's options."""
        return count_cost(self, settings)

    def describe(self, model: Model) -> dict[str, Any] | None:
        """Sizes of a model, its encoder's apart, for the header of its file; None: it cannot be read from one."""
        return None

    def described(self, header: Mapping[str, Any], encoder: ViTSettings, path: Path) -> Blueprint:
        """How a model is built that :meth:`describe` has described.

        Args:
            header: what it returned, among others.
            encoder: size of the encoder.
            path: the file, for errors.

        Raises:
            MimicError: sizes that no model can have.
        """
        remedy = f"give its encoder.safetensors, or let {type(self).__name__} describe its models"
        raise MimicError(f"whole models of {self.name} cannot be read", where=path, remedy=remedy)

    def released(
        self, mark: str, encoder: ViTSettings, found: Checkpoint, decoder_heads: int | None, content: Any
    ) -> Blueprint:
        """How a released model is built.

        Args:
            mark: the one of :attr:`marks` that was found.
            encoder: size of the encoder.
            found: the weights, in the released names.
            decoder_heads: attention heads of a decoder's block, where they are known.
            content: all of the file, where it is one of ``torch.save``'s; else None.

        Raises:
            MimicError: a model that is not supported.
        """
        raise NotImplementedError(f"{type(self).__name__} has marks, and does not read what they are found in")

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


def images_of(items: np.ndarray, views: np.ndarray) -> np.ndarray:
    """A request of the images ``views`` (B,), from 0, of the dataset's rows ``items`` (B,): (B, 2)."""
    return np.stack([items, views], axis=1)


class ImageObjective(Objective[Model]):
    """Both images of every pair are samples of their own: sample 2i is view 1 of pair i, sample 2i + 1 its view 2.

    They come as ``images``, (B, S, S, 3) uint8.
    """

    samples_per_item = 2

    def request(self, samples: np.ndarray, draws: Arrays, items: np.ndarray) -> Request:
        """See :class:`Objective`."""
        return {"images": images_of(items[samples // 2], samples % 2)}

    def validation_requests(self, samples: np.ndarray, items: np.ndarray) -> dict[str, Request]:
        """The images as they are."""
        return {"val_loss": self.request(samples, {}, items)}
