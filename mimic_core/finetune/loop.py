"""Training and evaluation loops of all dense tasks."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimic_core.evaluation import PerImage
from mimic_core.finetune.data import Samples
from mimic_core.finetune.data.dense import TrainingImages
from mimic_core.finetune.model import DenseModel
from mimic_core.finetune.optimizer import build_optimizer, learning_rate, set_learning_rate
from mimic_core.finetune.protocols import PROTOCOLS
from mimic_core.finetune.settings import DenseSettings
from mimic_core.finetune.tasks.base import DenseTask
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator, seed_for

AHEAD = 2  # batches that are prepared in advance
ENCODE_BATCH = 32  # images that are encoded at once without gradients

Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class BestWeights:
    """The weights that scored best on the validation images; empty before the first validation.

    Attributes:
        epoch: number of the epoch, counted from 1.
        value: of the metric, negated if lower is better.
        weights: trained parameters and buffers, on the CPU.
    """

    epoch: int | None = None
    value: float = -math.inf
    weights: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, model: DenseModel, epoch: int, value: float) -> BestWeights:
        """Copy a model's weights."""
        names = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        kept = {name: tensor for name, tensor in model.state_dict().items() if name not in names}
        return cls(epoch, value, {name: tensor.detach().cpu().clone() for name, tensor in kept.items()})

    def beaten_by(self, value: float) -> bool:
        """Whether a value is better; NaN never is."""
        return value > self.value

    def restore(self, model: DenseModel) -> None:
        """Load these weights into a model, if there are any."""
        if self.weights:
            model.load_state_dict(dict(self.weights), strict=False)


@dataclass(frozen=True)
class Batch:
    """One training batch: row numbers in the training set, and the augmented images and labels."""

    rows: NDArray[np.int64]
    samples: Samples


def batches(count: int, size: int) -> Iterable[slice]:
    """Cut ``count`` rows into consecutive slices of up to ``size``."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


@torch.no_grad()
def encode(model: DenseModel, chunks: Iterable[NDArray[np.uint8]]) -> list[Tensor]:
    """Compute the features of all images: four tensors (N, tokens, width), in bf16 or fp32, on the CPU.

    Args:
        model: provides the encoder and the hooks.
        chunks: arrays of images (n, S, S, 3).
    """
    model.eval()
    parts = [model.features(images[rows]) for images in chunks for rows in batches(len(images), ENCODE_BATCH)]
    dtype = torch.bfloat16 if model.bf16 else torch.float32
    return [torch.cat([part.to("cpu", dtype) for part in level]) for level in zip(*parts, strict=True)]


class DenseTrainer:
    """One training run.

    Args:
        model: the model to train.
        task: provides the loss.
        samples: the training set.
        settings: settings of the job.
        seed: decides order, augmentation and drop path.
        features: of the training set, from :func:`encode`, for a frozen encoder without augmentation; None: not cached.
        validate: returns the task's metric of the current model; called every ``settings.validate_every`` epochs.

    Attributes:
        validated: (epoch, value) of every validation; :meth:`run` ends with the weights of the best one.
    """

    def __init__(
        self,
        model: DenseModel,
        task: DenseTask,
        samples: TrainingImages,
        settings: DenseSettings,
        seed: int,
        features: Sequence[Tensor] | None = None,
        validate: Callable[[], float] | None = None,
    ) -> None:
        self.model, self.task, self.samples, self.settings = model, task, samples, settings
        self.seed, self.features, self.validate = seed, features, validate
        self.protocol, self.best = PROTOCOLS[settings.protocol], BestWeights()
        self.validated: Curve = []
        self.optimizer = build_optimizer(model, settings)

    def run(self) -> Curve:
        """Train, and return (epoch, mean training loss) of every epoch, counted from 1."""
        steps = self.protocol.steps(len(self.samples), self.settings.batch_size)
        curve: Curve = []
        coming = self.prefetch_batches()
        rate = partial(
            learning_rate,
            peak=self.settings.learning_rate,
            epochs=self.settings.epochs,
            warmup_epochs=self.settings.warmup_epochs,
        )
        with torch.random.fork_rng(), Progress(self.settings.epochs * steps, "iterations") as progress:
            torch.manual_seed(seed_for(self.seed, "drop path"))
            self.model.train()
            for epoch in range(self.settings.epochs):
                losses, sizes = [], []
                for step, batch in enumerate(itertools.islice(coming, steps)):
                    set_learning_rate(self.optimizer, rate(epoch + step / steps))
                    losses.append(self.step(batch))
                    sizes.append(len(batch.rows))
                    progress.step(note=f"loss {curve[-1][1]:.4f}" if curve else "")
                # once per epoch, since reading a loss from the GPU waits for it
                total = sum(loss * size for loss, size in zip(torch.stack(losses).tolist(), sizes, strict=True))
                curve.append((epoch + 1, total / sum(sizes)))
                self.validate_if_due(epoch)
        self.best.restore(self.model)
        return curve

    def validate_if_due(self, epoch: int) -> None:
        """Validate if it is due after ``epoch``, counted from 0, and keep the weights if they are the best so far."""
        every = self.settings.validate_every
        if self.validate is None or every is None or (epoch % every and epoch + 1 < self.settings.epochs):
            return
        value = self.validate()
        self.model.train()
        self.validated.append((epoch + 1, value))
        if self.best.beaten_by(value if self.task.higher else -value):
            self.best = BestWeights.of(self.model, epoch + 1, value if self.task.higher else -value)

    def prefetch_batches(self) -> Iterator[Batch]:
        """Yield the batches of all epochs, while a thread prepares the next ones."""
        size = self.settings.batch_size
        wanted = (
            (epoch, order[part])
            for epoch in range(self.settings.epochs)
            for order in [generator(self.seed, "order", epoch).permutation(len(self.samples))]
            for part in itertools.islice(batches(len(order), size), self.protocol.steps(len(order), size))
        )
        with ThreadPoolExecutor(1) as thread:
            waiting = deque(thread.submit(self.prepare, *one) for one in itertools.islice(wanted, AHEAD))
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(thread.submit(self.prepare, *one) for one in itertools.islice(wanted, 1))
                yield batch

    def prepare(self, epoch: int, rows: NDArray[np.int64]) -> Batch:
        """Read images and labels of rows, and augment them if the settings say so."""
        samples, size = self.samples.get(rows), self.settings.image_size
        if self.settings.augment:
            rng = generator(self.seed, "augment", epoch, int(rows[0]))
            return Batch(rows, self.protocol.augmented(samples, rng, size, self.task))
        return Batch(rows, self.protocol.plain(samples, size))

    def step(self, batch: Batch) -> Tensor:
        """Train on one batch and return its loss, on the model's device."""
        device = self.model.device
        if self.features is not None:
            chosen = torch.from_numpy(batch.rows)
            features = [level[chosen].to(device) for level in self.features]
        else:
            features = self.model.features(batch.samples.images)
        target = torch.from_numpy(batch.samples.target).to(device)
        valid = torch.from_numpy(batch.samples.valid).to(device).unsqueeze(1)
        prediction = self.model.predict(features, self.settings.image_size)
        loss: Tensor = self.task.loss(prediction, target, valid)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


@torch.no_grad()
def predict(models: Sequence[DenseModel], images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Predict labels (N, C, S, S) with every model; models that share an encoder encode each image once."""
    outputs: list[list[NDArray[np.float32]]] = [[] for _ in models]
    for rows in batches(len(images), ENCODE_BATCH):
        features: dict[int, list[Tensor]] = {}
        for model, output in zip(models, outputs, strict=True):
            model.eval()
            if id(model.encoder) not in features:
                features[id(model.encoder)] = model.features(images[rows])
            output.append(model.predict(features[id(model.encoder)], images.shape[1]).cpu().numpy())
    return [np.concatenate(output) for output in outputs]


def evaluate(models: Sequence[DenseModel], task: DenseTask, chunks: Iterable[Samples]) -> list[PerImage]:
    """Measure every model on every image; return, for each model, metric names mapped to (N,) values."""
    parts: list[list[PerImage]] = [[] for _ in models]
    for samples in chunks:
        for part, prediction in zip(parts, predict(models, samples.images), strict=True):
            part.append(task.measure(prediction, samples.target, samples.valid))
    return [{name: np.concatenate([values[name] for values in part]) for name in part[0]} for part in parts]
