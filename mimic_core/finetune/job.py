"""What the jobs of all tasks have in common: repetitions by seed, a dataset without its bad samples, and a receipt."""

from __future__ import annotations

import dataclasses
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import Split, few_shot_rows, open_usable
from mimic_core.finetune.results import METRICS, About, summarise
from mimic_core.finetune.settings import RANDOM, JobSettings
from mimic_core.finetune.tasks.base import Task
from mimic_core.kit.errors import MimicError
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.seeding import seed_for
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import Encoder, ViTSettings, build_encoder, load_pretrained, vit_settings

log = logging.getLogger("mimic")

PICTURE = "predictions.png"

Kind = TypeVar("Kind", bound=Task)
Chosen = TypeVar("Chosen", bound=JobSettings)


class Job(ABC, Generic[Kind, Chosen]):
    """All seeds of one encoder and mode on one task.

    Args:
        task: the task.
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder; None: the settings'.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.

    Attributes:
        random: the encoder has random weights, another one for every seed.
        sizes: of the encoder.
        training, test: the dataset, without the samples that cannot be used.
        outputs: names of the files that a job leaves, but for the receipt.

    Raises:
        MimicError: no dataset is named, the encoder does not fit the input size or is not what the receipt beside it
            says, or the dataset cannot be used.
    """

    outputs: ClassVar[tuple[str, ...]] = (METRICS, PICTURE)

    def __init__(self, task: Kind, settings: Chosen, weights: str | Path, root: str | Path | None, seed: int) -> None:
        self.task, self.settings = task, settings
        self.weights, self.seed = weights, seed
        self.random = str(weights) == RANDOM
        self.root = data_root(root, settings)
        self.read: dict[Path, str] = compare(with_receipts(self.weight_files))  # before anything is read from them
        self.sizes = encoder_sizes(settings.architecture, weights, settings.size)
        self.training, self.test = self.open("train"), self.open("test")

    def open(self, part: str) -> Any:
        """A part of the dataset, without the samples that cannot be used."""
        return open_usable(self.open_part, self.root, part, max(self.settings.size), self.settings.threads)

    def open_part(self, root: Path, part: str) -> Split[Any]:
        """A part of the dataset as it is."""
        return self.task.open(root, part, {})

    @property
    def parts(self) -> dict[str, Any]:
        """The parts of the dataset that are read, by name."""
        return {"train": self.training, "test": self.test}

    @property
    def weight_files(self) -> list[Path]:
        """The checkpoint's file; none of random weights."""
        return [] if self.random else [Path(self.weights)]

    @property
    def shares_encoder(self) -> bool:
        """Whether all seeds have one encoder that stays as it is: it is loaded, and sees an image, only once."""
        return self.settings.mode == "frozen" and not self.random

    def encoder(self, seed: int, drop_path: float = 0.0) -> Encoder:
        """A new encoder: random weights of this seed, or the pretrained ones."""
        if self.random:
            return build_encoder(self.settings.architecture, seed, drop_path=drop_path)
        return load_pretrained(self.weights, drop_path=drop_path)

    def seed_of(self, repetition: int) -> int:
        """Seed of one repetition: the same for every encoder and mode, so that they see the same order."""
        return seed_for(self.seed, "finetune", self.settings.task, repetition)

    def rows_of(self, repetition: int) -> NDArray[np.int64]:
        """Training samples of one repetition."""
        return few_shot_rows(len(self.training), self.settings.train_images, self.seed_of(repetition))

    def repetitions(self) -> Iterator[int]:
        """The seeds, each announced in the log."""
        for repetition in self.settings.seeds:
            log.info("%s, %s, seed %d", self.settings.encoder, self.settings.mode, repetition)
            yield repetition

    @abstractmethod
    def train(self, repetition: int) -> Any:
        """Train one repetition."""

    def results(self) -> Sequence[Any]:
        """Train and test every seed; here, what :meth:`train` returns is one's result."""
        return [self.train(repetition) for repetition in self.repetitions()]

    def summary(self, results: Sequence[Any]) -> dict[str, Any]:
        """The content of ``metrics.json``; here, of a task that has a value an image."""
        return summarise(self.task, results, **self.about())

    @abstractmethod
    def draw(self, path: Path) -> None:
        """Write the picture of one seed's predictions."""

    def write(self, out: Path) -> None:
        """Write the files beside ``metrics.json`` into a folder."""
        self.draw(out / PICTURE)

    def receipt(self) -> Receipt:
        """A receipt that names the settings, the dataset, the weights and other files that are read."""
        named: set[Path] = {file for part in self.parts.values() for file in part.files}
        files = [*sorted(named), *self.weight_files, *self.more_files()]
        receipt = Receipt("finetune", {**dataclasses.asdict(self.settings), "seed": self.seed}, files)
        receipt.read |= self.read
        receipt.statistics["precision"] = "bf16" if uses_bfloat16(self.settings.precision) else "fp32"
        return receipt

    def more_files(self) -> list[Path]:
        """Files that are read beside the dataset and the weights."""
        return []

    def about(self) -> About:
        """What ``metrics.json`` says beside the results."""
        return {
            "encoder": self.settings.encoder,
            "mode": self.settings.mode,
            "data": self.test.label,
            "train_images": len(self.rows_of(self.settings.seeds[0])),
            "seed": self.seed,
            "protocol": self.settings.protocol_words,
            "skipped": {name: part.skipped for name, part in self.parts.items()},
        }

    @property
    def title(self) -> str:
        """Of the picture: what was learnt, on which data, by which encoder."""
        return f"{self.settings.task} on {self.test.label}: {self.settings.encoder}, {self.settings.mode}"


def data_root(given: str | Path | None, settings: JobSettings) -> Path:
    """The dataset's folder: the one given, else the settings'."""
    root = given if given is not None else settings.root
    if root is None:
        raise MimicError("no dataset is named", where="finetune.root", remedy="give --data, or root in the settings")
    return Path(root)


def encoder_sizes(architecture: Any, weights: str | Path, size: tuple[int, int]) -> ViTSettings:
    """Sizes of the encoder that will be used on inputs of (height, width) pixels.

    Raises:
        MimicError: there is no such encoder, or the input size is no multiple of its patch size.
    """
    random = str(weights) == RANDOM
    sizes = vit_settings(architecture, "finetune.architecture") if random else load_pretrained(weights).settings
    patch = sizes.patch_size
    if any(side % patch for side in size):
        fit = "x".join(str(max(1, round(side / patch)) * patch) for side in size)
        raise MimicError(
            f"inputs of {size[0]}x{size[1]} pixels cannot be cut into this encoder's patches of {patch}",
            where="finetune.image_size" if random else f"finetune.image_size, for {weights}",
            remedy=f"choose multiples of {patch}, such as {fit}",
        )
    return sizes
