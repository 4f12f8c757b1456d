"""One fine-tuning job: all seeds of one task, encoder and mode, from a dataset's folder to its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from mimic_core.devices import cpu_threads, device, uses_bfloat16
from mimic_core.finetune.data import Samples, Split, load_all, load_chunks
from mimic_core.finetune.loop import Trainer, encode, evaluate, predict
from mimic_core.finetune.model import DenseModel, Scale, build_head, evenly_spaced
from mimic_core.finetune.pictures import draw_predictions, shown_rows
from mimic_core.finetune.repetitions import Repetitions
from mimic_core.finetune.results import SeedResult, leave, summarise
from mimic_core.finetune.settings import RANDOM, FinetuneSettings
from mimic_core.finetune.task import Task
from mimic_core.finetune.tasks import get_task
from mimic_core.models import Encoder, build_encoder, load_pretrained
from mimic_core.models.linear import speed_up_linear_layers

OUTPUTS = ("metrics.json", "predictions.png")


class Job(Repetitions[FinetuneSettings, Split[Samples]]):
    """One job with its training images in memory: all of them, or those that a repetition draws.

    Args:
        settings: what to do.
        weights: ``random`` or the path of an ``encoder.safetensors``.
        root: the dataset's folder; None: the settings'.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.
    """

    def __init__(self, settings: FinetuneSettings, weights: str | Path, root: str | Path | None, seed: int) -> None:
        self.task: Task = get_task(settings.task)
        super().__init__(settings, weights, root, seed, self.task.open)
        self.few = settings.train_images is not None
        self.samples = None if self.few else load_all(self.training, settings.image_size)
        self.device = device()
        self.shared: tuple[Encoder, list[Tensor] | None] | None = None

    def samples_of(self, repetition: int) -> Samples:
        """Training images of one repetition with their labels."""
        if self.samples is not None:
            return self.samples
        return self.training.load(self.rows_of(repetition).tolist(), self.settings.image_size)

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

    def train(self, repetition: int) -> tuple[DenseModel, list[tuple[int, float]]]:
        """Train one repetition; frozen pretrained encoders are loaded, and see a whole training set, only once."""
        seed = self.seed_of(repetition)
        frozen = self.settings.mode == "frozen"
        reusable = frozen and self.weights != RANDOM
        encoder, features = self.shared or (self.encoder(seed), None)
        samples = self.samples_of(repetition)
        model = self.model(repetition, encoder, Scale.of(samples))
        if frozen and not self.settings.augment and features is None:
            features = encode(model, samples.images)
        if reusable:
            self.shared = (encoder, None if self.few else features)
        return model, Trainer(model, self.task, samples, self.settings, seed, features).run()

    def run(self) -> tuple[list[DenseModel], list[SeedResult]]:
        """Train every seed, then measure all of them in one pass over the test images."""
        trained = [self.train(repetition) for repetition in self.repetitions()]
        models = [model for model, _ in trained]
        values = evaluate(models, self.task, load_chunks(self.test, self.settings.image_size))
        seeds = zip(self.settings.seeds, values, trained, strict=True)
        return models, [SeedResult(repetition, per_image, curve) for repetition, per_image, (_, curve) in seeds]

    def draw(self, path: Path, model: DenseModel) -> None:
        """Write predictions of one model for the test images that every figure of this dataset shows."""
        samples = self.test.load(shown_rows(len(self.test)), self.settings.image_size)
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
        job = Job(settings, weights, data, seed)
        receipt = job.receipt()
        models, results = job.run()
        summary = summarise(job.task, results, **job.about())
        job.draw(out / "predictions.png", models[0])
    return leave(out, summary, receipt, OUTPUTS)
