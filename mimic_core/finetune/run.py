"""One fine-tuning job: all seeds of one task, encoder and mode, from a dataset's folder to its results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mimic_core.finetune.data import DenseSplit
from mimic_core.finetune.dense_data import DenseData, TrainingImages
from mimic_core.finetune.loop import Curve, DenseTrainer, encode, evaluate, predict
from mimic_core.finetune.model import DenseModel, Scale, build_head, evenly_spaced
from mimic_core.finetune.pictures import draw_predictions, shown_rows
from mimic_core.finetune.repetitions import Repetitions
from mimic_core.finetune.results import SeedResult, leave, summarise
from mimic_core.finetune.settings import RANDOM, FinetuneSettings
from mimic_core.finetune.task import Task
from mimic_core.finetune.tasks import get_task
from mimic_core.finetune.usable import open_usable
from mimic_core.machine.devices import cpu_threads, device, uses_bfloat16
from mimic_core.models import Encoder, build_encoder, load_pretrained
from mimic_core.models.linear import speed_up_linear_layers

OUTPUTS = ("metrics.json", "predictions.png")
FEATURES = 2**31  # bytes of the features of a training set that are kept; beyond, they are computed at every step


class DenseJob(Repetitions[FinetuneSettings, DenseSplit]):
    """One job: all training images, or those that a repetition draws.

    Args:
        settings: what to do.
        weights: ``random`` or the path of an ``encoder.safetensors``.
        root: the dataset's folder; None: the settings'.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.
    """

    def __init__(self, settings: FinetuneSettings, weights: str | Path, root: str | Path | None, seed: int) -> None:
        self.task: Task = get_task(settings.task)
        size = settings.image_size
        self.data = DenseData(self.task, size, settings.protocol, settings.splits, settings.limits)
        super().__init__(settings, weights, root, seed, self.data.open)
        self.validation = None
        if settings.validate_every is not None:
            self.validation = open_usable(self.data.open, self.root, "val", size, settings.threads)
        self.few = settings.train_images is not None
        self.samples = None if self.few else self.images(range(len(self.training)))
        self.device = device()
        self.shared: tuple[Encoder, list[Tensor] | None] | None = None

    @property
    def parts(self) -> dict[str, DenseSplit]:
        """The parts of the dataset that are read, by name."""
        return super().parts | ({} if self.validation is None else {"val": self.validation})

    def samples_of(self, repetition: int) -> TrainingImages:
        """Training images of one repetition with their labels."""
        return self.samples if self.samples is not None else self.images(self.rows_of(repetition).tolist())

    def images(self, rows: Sequence[int]) -> TrainingImages:
        """Some training images."""
        return self.data.training(self.training, rows, self.settings.threads)

    def validate(self, model: DenseModel, split: DenseSplit) -> float:
        """Mean of the task's metric over validation images."""
        values = evaluate([model], self.task, self.data.chunks(split))[0][self.task.metric]
        return float(np.nanmean(values))

    def encoder(self, seed: int) -> Encoder:
        """A new encoder: random weights of this seed, or the pretrained ones."""
        if self.weights == RANDOM:
            return build_encoder(self.settings.architecture, seed, drop_path=self.settings.drop_path)
        return load_pretrained(self.weights, drop_path=self.settings.drop_path)

    def model(self, repetition: int, encoder: Encoder, scale: Scale) -> DenseModel:
        """A new head on an encoder; ``scale`` is that of its training labels."""
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
        """Train one repetition: the model, its losses, its values on validation images and the epoch that is tested.

        Frozen pretrained encoders are loaded, and see a whole training set, only once.
        """
        seed = self.seed_of(repetition)
        frozen = self.settings.mode == "frozen"
        reusable = frozen and self.weights != RANDOM
        encoder, features = self.shared or (self.encoder(seed), None)
        samples = self.samples_of(repetition)
        model = self.model(repetition, encoder, Scale.over(samples.chunks()))
        if frozen and not self.settings.augment and features is None and self.keeps_features(model, samples):
            features = encode(model, (self.data.plain(part).images for part in samples.chunks()))
        if reusable:
            self.shared = (encoder, None if self.few else features)
        validate = None if self.validation is None else partial(self.validate, model, self.validation)
        trainer = DenseTrainer(model, self.task, samples, self.settings, seed, features, validate)
        return model, trainer.run(), trainer.validated, trainer.best.epoch

    def keeps_features(self, model: DenseModel, samples: TrainingImages) -> bool:
        """Whether the features of all training images fit into what is kept of them."""
        tokens = (self.settings.image_size // model.encoder.patch_size) ** 2
        each = len(model.hooks) * tokens * model.encoder.width * (2 if model.bf16 else 4)
        return each * len(samples) <= FEATURES

    def run(self) -> tuple[list[DenseModel], list[SeedResult]]:
        """Train every seed, then measure all of them in one pass over the test images."""
        trained = [self.train(repetition) for repetition in self.repetitions()]
        models = [model for model, *_ in trained]
        values = evaluate(models, self.task, self.data.chunks(self.test))
        results = [
            SeedResult(repetition, per_image, curve, validated, best)
            for repetition, per_image, (_, curve, validated, best) in zip(
                self.settings.seeds, values, trained, strict=True
            )
        ]
        return models, results

    def draw(self, path: Path, model: DenseModel) -> None:
        """Write predictions of one model for the test images that every figure of this dataset shows."""
        samples = self.data.load(self.test, shown_rows(len(self.test)))
        draw_predictions(path, self.task, samples, predict([model], samples.images)[0], self.title)


def finetune(
    settings: FinetuneSettings, weights: str | Path, out: str | Path, *, data: str | Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Fine-tune and evaluate; writes ``metrics.json``, ``predictions.png`` and, last, ``receipt.json``.

    Args:
        settings: what to do.
        weights: ``random`` or the path of an ``encoder.safetensors``.
        out: the folder of the results.
        data: the dataset's folder; None: ``settings.root``.
        seed: the config's seed.

    Returns:
        The content of ``metrics.json`` (see :func:`mimic_core.finetune.results.summarise`).

    Raises:
        MimicError: data or weights are missing or not what they should be, or a setting does not fit.
    """
    out = Path(out)
    with cpu_threads(settings.threads):
        job = DenseJob(settings, weights, data, seed)
        receipt = job.receipt()
        models, results = job.run()
        summary = summarise(job.task, results, **job.about())
        job.draw(out / "predictions.png", models[0])
    return leave(out, summary, receipt, OUTPUTS)
