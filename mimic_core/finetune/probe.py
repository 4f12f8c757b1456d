"""Linear probing: train a linear classifier on a frozen encoder.

As in the released MAE: a batch norm without affine before the linear layer, LARS, a large batch (paper section 5.2).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from timm.optim.lars import Lars
from torch import Tensor, nn
from torch.nn import functional

from mimic_core.finetune.job import Job
from mimic_core.finetune.pictures import draw_classes, shown_rows
from mimic_core.finetune.probe_features import FrozenFeatures, Reader, centre_crop_reader, random_crop_reader
from mimic_core.finetune.results import SeedResult
from mimic_core.finetune.settings import ProbeSettings
from mimic_core.finetune.tasks.base import ProbeTask
from mimic_core.kit.progress import Progress
from mimic_core.kit.schedules import warmed_up
from mimic_core.kit.seeding import generator, seed_for
from mimic_core.machine.devices import device, uses_bfloat16

Curve = list[tuple[int, float]]


def build_classifier(width: int, classes: int, seed: int) -> nn.Sequential:
    """Build a batch norm without affine and a linear layer whose small random weights the seed decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "head"))
        linear = nn.Linear(width, classes)
        nn.init.trunc_normal_(linear.weight, std=0.01)
        nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.BatchNorm1d(width, affine=False, eps=1e-6), linear)


def build_optimizer(classifier: nn.Sequential, settings: ProbeSettings) -> Lars:
    """Build LARS; only matrices get the adaptive rate and weight decay."""
    matrices = [parameter for parameter in classifier.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in classifier.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "always_adapt": True},
        {"params": others, "always_adapt": False, "weight_decay": 0.0},
    ]
    return Lars(groups, lr=settings.peak_rate, momentum=settings.momentum, weight_decay=settings.weight_decay)


class ProbeJob(Job[ProbeTask, ProbeSettings]):
    """Linear probing of one encoder, with all seeds; see :class:`mimic_core.finetune.job.Job`.

    Attributes:
        classes: number of classes.
        kept: the result of :meth:`features`, if all seeds share it.
        scores: class scores (N, classes) of the test images by the last seed's classifier.
    """

    def __init__(
        self, task: ProbeTask, settings: ProbeSettings, weights: str | Path, root: str | Path | None, seed: int
    ) -> None:
        super().__init__(task, settings, weights, root, seed)
        self.classes = len(self.training.wnids)
        self.kept: tuple[FrozenFeatures, dict[int, Tensor], Tensor] | None = None

    def encode(self, frozen: FrozenFeatures, rows: NDArray[np.int64], read: Reader) -> Tensor:
        """Compute the features (N, width) of rows."""
        return frozen.of_rows(rows.tolist(), read, self.settings.encode_batch, self.settings.threads)

    def features(self, repetition: int) -> tuple[FrozenFeatures, dict[int, Tensor], Tensor]:
        """Return the encoder, features of training images by row (empty with augmentation), and test features.

        Pretrained encoders are loaded, and encode each image that is not augmented, only once.
        """
        if self.kept is not None:
            return self.kept
        size = self.settings.image_size
        encoder = self.encoder(self.seed_of(repetition)).to(device())
        frozen = FrozenFeatures(encoder, self.settings.pooling, bf16=uses_bfloat16(self.settings.precision))
        repetitions = list(self.settings.seeds) if self.shares_encoder else [repetition]
        needed = np.unique(np.concatenate([self.rows_of(one) for one in repetitions]))
        training = {}
        if not self.settings.augment:
            values = self.encode(frozen, needed, centre_crop_reader(self.training, size))
            training = dict(zip(needed.tolist(), values, strict=True))
        test = self.encode(frozen, np.arange(len(self.test)), centre_crop_reader(self.test, size))
        result = frozen, training, test
        if self.shares_encoder:
            self.kept = result
        return result

    def train(self, repetition: int) -> SeedResult:
        """Train one classifier and test it."""
        settings, seed, rows = self.settings, self.seed_of(repetition), self.rows_of(repetition)
        frozen, features, test = self.features(repetition)
        classifier = build_classifier(frozen.encoder.width, self.classes, seed)
        optimizer = build_optimizer(classifier, settings)
        size = min(settings.batch_size, len(rows))
        steps = -(-len(rows) // size)
        curve: Curve = []
        rate = partial(warmed_up, peak=settings.peak_rate, epochs=settings.epochs, warmup_epochs=settings.warmup_epochs)
        with Progress(settings.epochs * steps, "steps") as progress:
            for epoch in range(settings.epochs):
                order = generator(seed, "order", epoch).permutation(rows)
                read = random_crop_reader(self.training, settings.image_size, seed, epoch)
                total = 0.0
                for step in range(steps):
                    chosen = order[step * size : (step + 1) * size]
                    if len(chosen) < 2:  # batch norm needs at least two samples
                        continue
                    for group in optimizer.param_groups:
                        group["lr"] = rate(epoch + step / steps)
                    known = torch.stack([features[row] for row in chosen.tolist()]) if features else None
                    batch = known if known is not None else self.encode(frozen, chosen, read)
                    labels = torch.from_numpy(self.training.labels[chosen])
                    loss = functional.cross_entropy(classifier.train()(batch), labels)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    optimizer.step()
                    total += float(loss.detach()) * len(chosen)
                    progress.step(note=f"loss {float(loss.detach()):.4f}")
                curve.append((epoch + 1, total / len(order)))
        with torch.no_grad():
            self.scores = classifier.eval()(test).numpy()
        return SeedResult(repetition, self.task.measure(self.scores, self.test.labels), curve)

    def draw(self, path: Path) -> None:
        """Draw the last seed's predictions for a few test images."""
        shown = shown_rows(len(self.test))
        images = self.test.load(shown, self.settings.image_size).images
        names = self.training.wnids
        guesses = [names[int(self.scores[row].argmax())] for row in shown]
        truths = [names[int(self.test.labels[row])] for row in shown]
        title = f"{self.settings.task} on {self.test.label}: {self.settings.encoder}, linear probe"
        draw_classes(path, images, truths, guesses, title)
