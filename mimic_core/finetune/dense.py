"""Jobs of dense tasks: a DPT head on an encoder that is frozen or trained too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from mimic_core.finetune.data import DenseSplit
from mimic_core.finetune.data.dense import DenseData, TrainingImages
from mimic_core.finetune.job import Job
from mimic_core.finetune.loop import Curve, DenseTrainer, encode, evaluate, predict
from mimic_core.finetune.model import DenseModel, Scale, build_head, evenly_spaced
from mimic_core.finetune.pictures import draw_predictions, shown_rows
from mimic_core.finetune.results import SeedResult
from mimic_core.finetune.settings import DenseSettings
from mimic_core.finetune.tasks.base import DenseTask
from mimic_core.machine.devices import device, uses_bfloat16
from mimic_core.models import Encoder, speed_up_linear_layers

FEATURE_BYTES = 2**31  # largest features of a training set to keep, bytes; larger ones are computed at every step


class DenseJob(Job[DenseTask, DenseSettings]):
    """Dense job of one encoder and mode, with all seeds; see :class:`mimic_core.finetune.job.Job`.

    Attributes:
        validation: the validation images; None: no validation.
        samples: the training set that all seeds share; None if each seed draws its images.
        models: the trained model of every seed.
    """

    def __init__(
        self, task: DenseTask, settings: DenseSettings, weights: str | Path, root: str | Path | None, seed: int
    ) -> None:
        self.data = DenseData(task, settings)
        super().__init__(task, settings, weights, root, seed)
        self.validation: DenseSplit | None = None if settings.validate_every is None else self.open("val")
        self.few = settings.train_images is not None
        self.samples = None if self.few else self.images(range(len(self.training)))
        self.device = device()
        self.shared: tuple[Encoder, list[Tensor] | None] | None = None
        self.models: list[DenseModel] = []

    def open_part(self, root: Path, part: str) -> DenseSplit:
        """Open a part of the dataset, up to its limit."""
        return self.data.open(root, part)

    @property
    def parts(self) -> dict[str, DenseSplit]:
        """The parts of the dataset that are read, by name."""
        return super().parts | ({} if self.validation is None else {"val": self.validation})

    def training_images(self, repetition: int) -> TrainingImages:
        """Return the training images of one repetition."""
        return self.samples if self.samples is not None else self.images(self.rows_of(repetition).tolist())

    def images(self, rows: Sequence[int]) -> TrainingImages:
        """Return the training images of some rows."""
        return self.data.training(self.training, rows, self.settings.threads)

    def validate(self, model: DenseModel, split: DenseSplit) -> float:
        """Return the mean of the task's metric over the validation images."""
        values = evaluate([model], self.task, self.data.chunks(split))[0][self.task.metric]
        return float(np.nanmean(values))

    def model(self, repetition: int, encoder: Encoder, scale: Scale) -> DenseModel:
        """Build a model with a new head; ``scale`` is that of the training labels."""
        seed, hooks = self.seed_of(repetition), self.settings.head.hooks
        model = DenseModel(
            encoder,
            build_head(self.settings.head, encoder.width, self.task.channels, seed),
            evenly_spaced(encoder.depth) if hooks == "auto" else [int(block) for block in hooks],
            scale,
            frozen=self.settings.mode == "frozen",
            bf16=uses_bfloat16(self.settings.precision),
        ).to(self.device)
        speed_up_linear_layers(model)
        return model

    def train(self, repetition: int) -> tuple[DenseModel, Curve, Curve, int | None]:
        """Train one repetition; return the model, its training and validation curves and the epoch to test.

        Frozen pretrained encoders are loaded, and encode a training set that all seeds share, only once.
        """
        seed, frozen = self.seed_of(repetition), self.settings.mode == "frozen"
        encoder, features = self.shared or (self.encoder(seed, self.settings.drop_path), None)
        samples = self.training_images(repetition)
        model = self.model(repetition, encoder, Scale.over(samples.chunks()))
        if frozen and not self.settings.augment and features is None and self.features_fit(model, samples):
            features = encode(model, (self.data.plain(part).images for part in samples.chunks()))
        if self.shares_encoder:
            self.shared = (encoder, None if self.few else features)
        validate = None if self.validation is None else partial(self.validate, model, self.validation)
        trainer = DenseTrainer(model, self.task, samples, self.settings, seed, features, validate)
        return model, trainer.run(), trainer.validated, trainer.best.epoch

    def features_fit(self, model: DenseModel, samples: TrainingImages) -> bool:
        """Whether the features of all training images fit into ``FEATURE_BYTES`` bytes."""
        tokens = (self.settings.image_size // model.encoder.patch_size) ** 2
        each = len(model.hooks) * tokens * model.encoder.width * (2 if model.bf16 else 4)
        return each * len(samples) <= FEATURE_BYTES

    def results(self) -> list[SeedResult]:
        """Train every seed, then evaluate all of them in one pass over the test images."""
        trained = [self.train(repetition) for repetition in self.repetitions()]
        self.models = [model for model, *_ in trained]
        values = evaluate(self.models, self.task, self.data.chunks(self.test))
        return [
            SeedResult(repetition, per_image, curve, validated, best)
            for repetition, per_image, (_, curve, validated, best) in zip(
                self.settings.seeds, values, trained, strict=True
            )
        ]

    def draw(self, path: Path) -> None:
        """Draw the first seed's predictions for a few test images."""
        samples = self.data.load(self.test, shown_rows(len(self.test)))
        draw_predictions(path, self.task, samples, predict(self.models[:1], samples.images)[0], self.title)
