"""Training and evaluation, the same for every dense task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimic_core.evaluation.metrics import PerImage
from mimic_core.finetune.augment import augment
from mimic_core.finetune.data import Samples
from mimic_core.finetune.model import DenseModel
from mimic_core.finetune.optimiser import build_optimiser, learning_rate, set_learning_rate
from mimic_core.finetune.settings import FinetuneSettings
from mimic_core.finetune.task import Task
from mimic_core.progress import Progress
from mimic_core.seeding import generator, seed_for

ENCODING = 32  # images that go through the encoder at once where no gradient is taken

Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class Batch:
    """Rows of the training set on the model's device; ``features`` where the encoder has already seen them."""

    features: list[Tensor]
    target: Tensor
    valid: Tensor


def select(samples: Samples, rows: NDArray[np.int64]) -> Samples:
    """Some rows of samples."""
    return Samples(samples.images[rows], samples.target[rows], samples.valid[rows])


def batches(count: int, size: int) -> Iterable[slice]:
    """Slices of up to ``size`` of ``count`` rows, in order."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


@torch.no_grad()
def encode(model: DenseModel, images: NDArray[np.uint8]) -> list[Tensor]:
    """Features of all images, computed once: four tensors (N, tokens, width), in bf16 or fp32, on the CPU."""
    model.eval()
    parts = [model.features(images[rows]) for rows in batches(len(images), ENCODING)]
    dtype = torch.bfloat16 if model.bf16 else torch.float32
    return [torch.cat([part.to("cpu", dtype) for part in level]) for level in zip(*parts, strict=True)]


class Trainer:
    """One training run.

    Args:
        model: what learns.
        task: gives the loss.
        samples: the training set.
        settings: the schedule.
        seed: decides order, augmentation and drop path.
        features: of the training set, from :func:`encode`, where the encoder is frozen and nothing is augmented.
    """

    def __init__(
        self,
        model: DenseModel,
        task: Task,
        samples: Samples,
        settings: FinetuneSettings,
        seed: int,
        features: Sequence[Tensor] | None = None,
    ) -> None:
        self.model, self.task, self.samples, self.settings = model, task, samples, settings
        self.seed, self.features = seed, features
        self.optimiser = build_optimiser(model, settings)

    def run(self) -> Curve:
        """Train; returns the mean training loss of every epoch, counted from 1."""
        steps = -(-len(self.samples) // self.settings.batch_size)
        curve: Curve = []
        with torch.random.fork_rng(), Progress(self.settings.epochs * steps, "iterations") as progress:
            torch.manual_seed(seed_for(self.seed, "drop path"))
            self.model.train()
            for epoch in range(self.settings.epochs):
                order = generator(self.seed, "order", epoch).permutation(len(self.samples))
                total = 0.0
                for step, part in enumerate(batches(len(order), self.settings.batch_size)):
                    set_learning_rate(self.optimiser, learning_rate(epoch + step / steps, self.settings))
                    rows = order[part]
                    loss = self.step(rows, epoch)
                    total += loss * len(rows)
                    progress.step(note=f"loss {loss:.4f}")
                curve.append((epoch + 1, total / len(order)))
        return curve

    def batch(self, rows: NDArray[np.int64], epoch: int) -> Batch:
        """Features and labels of rows, augmented as the settings say."""
        device = self.model.device
        if self.features is not None:
            chosen = torch.from_numpy(rows)
            features = [level[chosen].to(device) for level in self.features]
            target, valid = self.samples.target[rows], self.samples.valid[rows]
        else:
            samples = select(self.samples, rows)
            if self.settings.augment:
                rng = generator(self.seed, "augment", epoch, int(rows[0]))
                samples = augment(samples, rng, self.task.zoomable)
            features, target, valid = self.model.features(samples.images), samples.target, samples.valid
        return Batch(features, torch.from_numpy(target).to(device), torch.from_numpy(valid).to(device).unsqueeze(1))

    def step(self, rows: NDArray[np.int64], epoch: int) -> float:
        """Learn from one batch; returns its loss."""
        batch = self.batch(rows, epoch)
        prediction = self.model.predict(batch.features, self.samples.images.shape[1])
        loss = self.task.loss(prediction, batch.target, batch.valid)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.item()


@torch.no_grad()
def predict(models: Sequence[DenseModel], images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Labels (N, C, S, S) of every model; models that share an encoder share its pass over the images."""
    outputs: list[list[NDArray[np.float32]]] = [[] for _ in models]
    for rows in batches(len(images), ENCODING):
        features: dict[int, list[Tensor]] = {}
        for model, output in zip(models, outputs, strict=True):
            model.eval()
            if id(model.encoder) not in features:
                features[id(model.encoder)] = model.features(images[rows])
            output.append(model.predict(features[id(model.encoder)], images.shape[1]).cpu().numpy())
    return [np.concatenate(output) for output in outputs]


def evaluate(models: Sequence[DenseModel], task: Task, chunks: Iterable[Samples]) -> list[PerImage]:
    """Metrics of every model on every test image: for each model, metric name to (N,) values."""
    parts: list[list[PerImage]] = [[] for _ in models]
    for samples in chunks:
        for part, prediction in zip(parts, predict(models, samples.images), strict=True):
            part.append(task.measure(prediction, samples.target, samples.valid))
    return [{name: np.concatenate([values[name] for values in part]) for name in part[0]} for part in parts]
