"""The floor of every table: one constant for all pixels, the best that the training labels allow."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mimic_core.finetune.dense_data import DenseData, joined
from mimic_core.finetune.results import SeedResult, leave, summarise
from mimic_core.finetune.settings import check_parts, cut_out_words
from mimic_core.finetune.tasks import get_task
from mimic_core.finetune.usable import open_usable
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.settings import COUNT, POSITIVE, check_choice, check_numbers, read_settings

log = logging.getLogger("mimic")

CONSTANT = "constant"


@dataclass(frozen=True)
class ConstantSettings:
    """Settings of the baseline.

    Attributes:
        task: ``depth`` or ``normals``.
        image_size, protocol, splits, limits: as in the fine-tuning that it is the floor of.
        seed: of the bootstrap.
    """

    task: str
    image_size: int = 256
    protocol: Literal["squash", "multimae"] = "squash"
    splits: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        check_numbers(self, CONSTANT, image_size=POSITIVE, seed=COUNT)
        check_choice(self, CONSTANT, protocol=("squash", "multimae"))
        check_parts(self.splits, "splits", str, "a file")
        check_parts(self.limits, "limits", int, "a number of images")

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> ConstantSettings:
        """Settings from a block of the config.

        Raises:
            MimicError: an unknown or missing key, or a size under 1.
        """
        return read_settings(cls, block, CONSTANT)


def constant_baseline(settings: ConstantSettings, data: str | Path, out: str | Path) -> dict[str, Any]:
    """Predict the training set's best constant for every test pixel; writes ``metrics.json`` and ``receipt.json``.

    Depth: the constant of the highest delta1; normals: each channel's median, which has the lowest L1.

    Args:
        settings: the task and the size of its labels.
        data: the dataset's folder.
        out: the folder of the results.

    Returns:
        The content of ``metrics.json``, as from :func:`mimic_core.finetune.finetune`, with the mode ``constant`` and
        the value itself under ``constant``.

    Raises:
        MimicError: the data is missing or not what it should be, or there is no such task.
    """
    out, task = Path(out), get_task(settings.task)
    images = DenseData(task, settings.image_size, settings.protocol, settings.splits, settings.limits)
    training, test = (open_usable(images.open, Path(data), part, settings.image_size) for part in ("train", "test"))
    receipt = Receipt("finetune", {"mode": CONSTANT, **vars(settings)}, sorted({*training.files, *test.files}))
    value = task.best_constant(joined(images.chunks(training), len(training)))
    parts = []
    for samples in images.chunks(test):
        prediction = np.broadcast_to(value.reshape(1, -1, 1, 1), samples.target.shape)
        parts.append(task.measure(prediction, samples.target, samples.valid))
    per_image = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    summary = summarise(
        task,
        [SeedResult(settings.seed, per_image)],
        encoder=CONSTANT,
        mode=CONSTANT,
        data=test.label,
        train_images=len(training),
        seed=settings.seed,
        protocol=cut_out_words(settings.protocol, settings.image_size),
        skipped={"train": training.skipped, "test": test.skipped},
    )
    summary["constant"] = [round(float(channel), 6) for channel in value]
    receipt.statistics["constant"] = summary["constant"]
    log.info("the constant is %s", summary["constant"])
    return leave(out, summary, receipt, ["metrics.json"])
