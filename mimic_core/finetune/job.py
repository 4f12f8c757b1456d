"""Base class of the jobs of all tasks: one run per seed, a dataset without its bad samples, and a receipt."""

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
from mimic_core.finetune.results import METRICS, RunInfo, summarise
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

TaskT = TypeVar("TaskT", bound=Task)
SettingsT = TypeVar("SettingsT", bound=JobSettings)


class Job(ABC, Generic[TaskT, SettingsT]):
    """All seeds of one encoder and mode on one task.

    Args:
        task: the task.
        settings: settings of the job.
        weights: ``random`` or the path of a checkpoint.
        root: folder of the dataset; None: ``settings.root``.
        seed: the config's seed, combined with each of ``settings.seeds``.

    Attributes:
        random: whether the encoder has random weights, different ones for every seed.
        sizes: sizes of the encoder.
        training, test: the parts of the dataset, without unusable samples.
        outputs: names of the files that a job writes, without the receipt.

    Raises:
        MimicError: no dataset is named, the encoder does not fit the input size or does not match the receipt beside
            it, or the dataset cannot be used.
    """

    outputs: ClassVar[tuple[str, ...]] = (METRICS, PICTURE)

    def __init__(
        self, task: TaskT, settings: SettingsT, weights: str | Path, root: str | Path | None, seed: int
    ) -> None:
        self.task, self.settings = task, settings
        self.weights, self.seed = weights, seed
        self.random = str(weights) == RANDOM
        self.root = data_root(root, settings)
        self.read: dict[Path, str] = compare(with_receipts(self.weight_files))  # before anything is read from them
        self.sizes = encoder_sizes(settings.architecture, weights, settings.size)
        self.training, self.test = self.open("train"), self.open("test")

    def open(self, part: str) -> Any:
        """Open a part of the dataset, without unusable samples."""
        return open_usable(self.open_part, self.root, part, max(self.settings.size), self.settings.threads)

    def open_part(self, root: Path, part: str) -> Split[Any]:
        """Open a part of the dataset with all its samples."""
        return self.task.open(root, part, {})

    @property
    def parts(self) -> dict[str, Any]:
        """The parts of the dataset that are read, by name."""
        return {"train": self.training, "test": self.test}

    @property
    def weight_files(self) -> list[Path]:
        """The checkpoint; empty for random weights."""
        return [] if self.random else [Path(self.weights)]

    @property
    def shares_encoder(self) -> bool:
        """Whether all seeds share a frozen pretrained encoder, which is loaded and encodes each image only once."""
        return self.settings.mode == "frozen" and not self.random

    def encoder(self, seed: int, drop_path: float = 0.0) -> Encoder:
        """Build an encoder with this seed's random weights, or with the pretrained ones."""
        if self.random:
            return build_encoder(self.settings.architecture, seed, drop_path=drop_path)
        return load_pretrained(self.weights, drop_path=drop_path)

    def seed_of(self, repetition: int) -> int:
        """Seed of one repetition; all encoders and modes share it, so that they see the images in the same order."""
        return seed_for(self.seed, "finetune", self.settings.task, repetition)

    def rows_of(self, repetition: int) -> NDArray[np.int64]:
        """Rows of one repetition's training samples."""
        return few_shot_rows(len(self.training), self.settings.train_images, self.seed_of(repetition))

    def repetitions(self) -> Iterator[int]:
        """Yield the seeds, logging each."""
        for repetition in self.settings.seeds:
            log.info("%s, %s, seed %d", self.settings.encoder, self.settings.mode, repetition)
            yield repetition

    @abstractmethod
    def train(self, repetition: int) -> Any:
        """Train one repetition."""

    def results(self) -> Sequence[Any]:
        """Train and test every seed; by default :meth:`train` returns the result of one."""
        return [self.train(repetition) for repetition in self.repetitions()]

    def summary(self, results: Sequence[Any]) -> dict[str, Any]:
        """The content of ``metrics.json``; by default for a task with one value per image."""
        return summarise(self.task, results, **self.run_info())

    @abstractmethod
    def draw(self, path: Path) -> None:
        """Draw one seed's predictions."""

    def write(self, out: Path) -> None:
        """Write all outputs but ``metrics.json`` into a folder."""
        self.draw(out / PICTURE)

    def receipt(self) -> Receipt:
        """Create the receipt, which names the settings, the dataset, the weights and all other files read."""
        named: set[Path] = {file for part in self.parts.values() for file in part.files}
        files = [*sorted(named), *self.weight_files, *self.extra_files()]
        receipt = Receipt("finetune", {**dataclasses.asdict(self.settings), "seed": self.seed}, files)
        receipt.read |= self.read
        receipt.statistics["precision"] = "bf16" if uses_bfloat16(self.settings.precision) else "fp32"
        return receipt

    def extra_files(self) -> list[Path]:
        """Files that the job reads besides the dataset and the weights."""
        return []

    def run_info(self) -> RunInfo:
        """What ``metrics.json`` says besides the results."""
        return {
            "encoder": self.settings.encoder,
            "mode": self.settings.mode,
            "data": self.test.label,
            "train_images": len(self.rows_of(self.settings.seeds[0])),
            "seed": self.seed,
            "protocol": self.settings.protocol_description,
            "skipped": {name: part.skipped for name, part in self.parts.items()},
        }

    @property
    def title(self) -> str:
        """Title of the picture: task, data, encoder and mode."""
        return f"{self.settings.task} on {self.test.label}: {self.settings.encoder}, {self.settings.mode}"


def data_root(given: str | Path | None, settings: JobSettings) -> Path:
    """Return the dataset's folder: ``given``, else the one in the settings.

    Raises:
        MimicError: neither names one.
    """
    root = given if given is not None else settings.root
    if root is None:
        raise MimicError("no dataset is named", where="finetune.root", remedy="give --data, or root in the settings")
    return Path(root)


def encoder_sizes(architecture: Any, weights: str | Path, size: tuple[int, int]) -> ViTSettings:
    """Return the sizes of the encoder, once inputs of (height, width) pixels are known to fit it.

    Raises:
        MimicError: there is no such encoder, or the input size is not a multiple of its patch size.
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
