"""What the jobs of all tasks have in common: repetitions by seed, a dataset without its bad samples, and a receipt."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import Split, few_shot_rows
from mimic_core.finetune.openmmlab.pose_settings import PoseSettings
from mimic_core.finetune.openmmlab.segmentation_settings import SegmentationSettings
from mimic_core.finetune.probe_settings import ProbeSettings
from mimic_core.finetune.results import About
from mimic_core.finetune.settings import RANDOM, FinetuneSettings
from mimic_core.finetune.usable import open_usable
from mimic_core.kit.errors import MimicError
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.seeding import seed_for
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.machine.devices import uses_bfloat16
from mimic_core.models import load_pretrained
from mimic_core.models.settings import ViTSettings, vit_settings

log = logging.getLogger("mimic")

Settings = TypeVar("Settings", FinetuneSettings, ProbeSettings, PoseSettings, SegmentationSettings)
Data = TypeVar("Data", bound=Split[Any])


class Repetitions(Generic[Settings, Data]):
    """All seeds of one encoder and mode on one task.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder; None: the settings'.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.
        opener: opens a split of the dataset in a folder.

    Attributes:
        sizes: of the encoder.
        training, test: the dataset, without the samples that cannot be used.

    Raises:
        MimicError: no dataset is named, the encoder does not fit the input size or is not what the receipt beside it
            says, or the dataset cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        weights: str | Path,
        root: str | Path | None,
        seed: int,
        opener: Callable[[Path, str], Data],
    ) -> None:
        self.settings: Settings = settings
        self.weights, self.seed = weights, seed
        self.root = data_root(root, settings)
        self.read: dict[Path, str] = compare(with_receipts(self.weight_files))  # before anything is read from them
        size = settings.size if isinstance(settings, PoseSettings) else (settings.image_size, settings.image_size)
        self.sizes = encoder_sizes(settings.architecture, weights, size)
        self.training, self.test = (
            open_usable(opener, self.root, part, max(size), settings.threads) for part in ("train", "test")
        )

    @property
    def parts(self) -> dict[str, Data]:
        """The parts of the dataset that are read, by name."""
        return {"train": self.training, "test": self.test}

    @property
    def weight_files(self) -> list[Path]:
        """The checkpoint's file; none of random weights."""
        return [] if str(self.weights) == RANDOM else [Path(self.weights)]

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

    def receipt(self, *more: Path) -> Receipt:
        """A receipt that names the settings, the dataset, the weights and ``more`` files."""
        named: set[Path] = {file for part in self.parts.values() for file in part.files}
        files = [*sorted(named), *self.weight_files, *more]
        receipt = Receipt("finetune", {**dataclasses.asdict(self.settings), "seed": self.seed}, files)
        receipt.read |= self.read
        receipt.statistics["precision"] = "bf16" if uses_bfloat16(self.settings.precision) else "fp32"
        return receipt

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


def data_root(
    given: str | Path | None, settings: FinetuneSettings | ProbeSettings | PoseSettings | SegmentationSettings
) -> Path:
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
