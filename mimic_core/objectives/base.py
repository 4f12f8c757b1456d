"""The interface of a pretraining objective: its samples, random draws, model and inputs. The loop uses nothing else."""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import read_settings, settings
from mimic_core.models import DecoderSettings, Encoder, ViTSettings
from mimic_core.models.weights import Checkpoint, save_encoder
from mimic_core.objectives.cost import Cost, count_cost
from mimic_core.objectives.stores import Arrays, ImageStore, Items, Request, Store

Model = TypeVar("Model", bound=nn.Module)


Batch = Mapping[str, Tensor]  # arrays on the device


class RunSettings(Protocol):
    """The settings of a run that an objective reads, as in :class:`mimic_core.pretrain.settings.PretrainSettings`."""

    @property
    def encoder(self) -> ViTSettings:
        """Size of the encoder."""

    @property
    def decoder(self) -> DecoderSettings:
        """Size of the decoder."""

    @property
    def mask_ratio(self) -> float | None:
        """Share of the patches that are masked; None: the objective's default."""

    @property
    def epochs(self) -> int:
        """Passes over the training samples."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the objective."""


OPTIONS = "pretrain.options"  # the config key of the options


@settings(OPTIONS)
class NoOptions:
    """Settings class of an objective without options."""


class Blueprint(NamedTuple):
    """How to build the model of a file.

    Attributes:
        build: makes the model, without its weights.
        blocks: transformer blocks in encoder and decoder, as the file states.
    """

    build: Callable[[], nn.Module]
    blocks: int


class Objective(ABC, Generic[Model]):
    """Base class of the pretraining objectives.

    Attributes:
        name: name of its folder, and in the config.
        models: classes of its models, including those only read from files.
        marks: prefixes of parameter names that only its released checkpoints have; see :meth:`released`.
        samples_per_item: training samples per item of the dataset, such as a pair of images.
        mask_ratio: default share of masked patches.
        weights: name of each loss of the model -> its weight in the total loss.
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
        """Return the objective configured with a run's ``options``. The default has no options.

        Raises:
            MimicError: an option is unknown or has an invalid value.
        """
        read_settings(NoOptions, run.options, OPTIONS)
        return self

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the total loss to minimise: the weighted sum of the losses (scalars)."""
        terms = [weight * losses[name] for name, weight in self.weights.items()]
        return functools.reduce(operator.add, terms)

    @abstractmethod
    def build(self, settings: RunSettings) -> Model:
        """Build the model; it has ``initialise(seed)`` and ``encoder()``.

        ``model(*inputs)`` returns a tuple: first the losses by name (scalars), then what :meth:`pictures` needs.
        """

    def rate_factor(self, name: str) -> float:
        """Return the learning rate of a parameter, as a multiple of the run's. The default is 1 for all."""
        return 1.0

    def open_store(self, dataset: Items, settings: RunSettings, cache_mib: float, threads: int) -> Store:
        """Open the store that answers this objective's requests. The default holds square images.

        Args:
            dataset: the dataset of the run.
            settings: settings of the run.
            cache_mib: memory for decoded data, in MiB.
            threads: number of decoding threads.
        """
        return ImageStore(dataset, settings.encoder.image_size, cache_mib, threads)

    def patches(self, settings: RunSettings) -> int:
        """Return how many patches the noise of a sample covers. The default is those of one image."""
        return settings.encoder.grid**2

    def fixed_draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draw the randomness of validation: which patches are masked. Each array has one row per sample."""
        return {"noise": rng.random((samples, patches), dtype=np.float32)}

    def draws(self, rng: np.random.Generator, samples: int, patches: int) -> dict[str, np.ndarray]:
        """Draw the randomness of training, including augmentation. Each array has one row per sample."""
        return self.fixed_draws(rng, samples, patches)

    def adapt(self, draws: dict[str, np.ndarray], rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Adapt the draws of training to the dataset's rows. The default returns them unchanged.

        Args:
            draws: result of :meth:`draws`, for any samples.
            rows: the dataset's row for the item of each of these samples, in the same order.
        """
        return draws

    @abstractmethod
    def request(self, samples: np.ndarray, draws: Arrays, items: np.ndarray) -> Request:
        """Return which images the model needs for some training samples.

        Args:
            samples: (B,) numbers; sample i belongs to item i // ``samples_per_item``.
            draws: draws of these samples.
            items: dataset row of each item, by item number.
        """

    @abstractmethod
    def validation_requests(self, samples: np.ndarray, items: np.ndarray) -> dict[str, Request]:
        """Return which images the model needs for each validation metric, keyed by its column of ``metrics.csv``.

        ``items`` as in :meth:`request`; items of one unit are adjacent. ``val_loss`` is always among the metrics.
        """

    @abstractmethod
    def inputs(self, batch: Batch, draws: Batch) -> tuple[Tensor, ...]:
        """Make the model's inputs, on the device, from the requested arrays and the draws of the same samples."""

    def pictures(self, inputs: tuple[Tensor, ...], outputs: tuple[Any, ...], model: Model) -> dict[str, Tensor]:
        """Return images of the model's predictions: title -> (B, 3, S, S) colours from 0 to 1. The default has none.

        Args:
            inputs: result of :meth:`inputs`.
            outputs: the model's outputs for these inputs.
            model: the model that :meth:`build` made.
        """
        return {}

    def example(self, settings: RunSettings) -> tuple[Tensor, ...]:
        """Return the model's inputs for one sample of black images of the run's size, on the CPU."""
        rng, size = np.random.default_rng(0), settings.encoder.image_size
        draws = self.draws(rng, 1, self.patches(settings))
        requested = self.request(np.zeros(1, dtype=np.int64), draws, np.zeros(1, dtype=np.int64))
        batch = {name: torch.zeros((1, size, size, 3), dtype=torch.uint8) for name in requested}
        return self.inputs(batch, {name: torch.from_numpy(values) for name, values in draws.items()})

    def cost(self, settings: RunSettings) -> Cost:
        """Count the cost of training a model of the run's size; the objective must already have the run's options."""
        return count_cost(self, settings)

    def save_encoder(self, path: Path, encoder: nn.Module, about: Mapping[str, Any]) -> None:
        """Write the result of a model's ``encoder()`` to a file. The default is for vision transformers.

        Args:
            path: the ``.safetensors`` file.
            encoder: the encoder, on the CPU.
            about: JSON values that say where it comes from.
        """
        save_encoder(path, cast(Encoder, encoder), about)

    def describe(self, model: Model) -> dict[str, Any] | None:
        """Return a model's sizes except the encoder's, for its file's header; None: it cannot be loaded from a file."""
        return None

    def described(self, header: Mapping[str, Any], encoder: ViTSettings, path: Path) -> Blueprint:
        """Return how to build a model from a header that :meth:`describe` contributed to.

        Args:
            header: the file's header, with the entries that :meth:`describe` returned.
            encoder: size of the encoder.
            path: the file, for errors.

        Raises:
            MimicError: the sizes are invalid.
        """
        remedy = f"give its encoder.safetensors, or implement describe and described in {type(self).__name__}"
        raise MimicError(f"whole models of {self.name} cannot be read", where=path, remedy=remedy)

    def released(
        self, mark: str, encoder: ViTSettings, found: Checkpoint, decoder_heads: int | None, content: Any
    ) -> Blueprint:
        """Return how to build a released model.

        Args:
            mark: the one of :attr:`marks` that was found.
            encoder: size of the encoder.
            found: the weights, in the released names.
            decoder_heads: attention heads per block of the decoder, if known.
            content: content of the file, if ``torch.save`` wrote it; else None.

        Raises:
            MimicError: the model is not supported.
        """
        raise NotImplementedError(f"{type(self).__name__} has marks but does not implement released")

    def before_step(self, model: Model, done: float) -> None:
        """Hook between the last backward pass of a step and gradient clipping.

        Args:
            model: the model that :meth:`build` made.
            done: share of the training finished before this step, 0 to 1.
        """

    def after_step(self, model: Model, done: float) -> None:
        """Hook after the optimizer's step, called in every process.

        Args:
            model: the model that :meth:`build` made.
            done: share of the training finished, this step included, 0 to 1.
        """


def images_of(items: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Return a request (B, 2) for the views ``views`` (B,), counted from 0, of the dataset rows ``items`` (B,)."""
    return np.stack([items, views], axis=1)


class ImageObjective(Objective[Model]):
    """An objective with one image per sample: sample 2i is view 1 of pair i, sample 2i + 1 its view 2.

    A batch holds them as ``images``, (B, S, S, 3) uint8.
    """

    samples_per_item = 2

    def request(self, samples: np.ndarray, draws: Arrays, items: np.ndarray) -> Request:
        """See :class:`Objective`."""
        return {"images": images_of(items[samples // 2], samples % 2)}

    def validation_requests(self, samples: np.ndarray, items: np.ndarray) -> dict[str, Request]:
        """Request the same images for ``val_loss``."""
        return {"val_loss": self.request(samples, {}, items)}
