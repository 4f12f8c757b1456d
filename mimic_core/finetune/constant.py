"""The constant baseline: predict the best single label of the training set for every pixel."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.finetune.data import open_usable
from mimic_core.finetune.data.dense import DenseData, concatenate
from mimic_core.finetune.results import SeedResult, summarise, write_results
from mimic_core.finetune.settings import DenseImages
from mimic_core.finetune.tasks import get_dense_task
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import Count

log = logging.getLogger("mimic")

CONSTANT = "constant"


@settings(CONSTANT)
class ConstantSettings(DenseImages):
    """Settings of the constant baseline, which reads the same images as the fine-tuning jobs beside it."""

    seed: Count = key("seed of the bootstrap", default=0)

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> ConstantSettings:
        """Read the settings from a config block.

        Raises:
            MimicError: a key is unknown or missing, or a value is out of range.
        """
        return read_settings(cls, block, CONSTANT)


def constant_baseline(settings: ConstantSettings, data: str | Path, out: str | Path) -> dict[str, Any]:
    """Predict the training set's best constant for every test pixel, and write ``metrics.json`` and ``receipt.json``.

    Args:
        settings: the dense task and the size of its labels.
        data: folder of the dataset.
        out: folder of the results.

    Returns:
        The content of ``metrics.json``, as from :func:`mimic_core.finetune.finetune`, with the mode ``constant`` and
        the predicted value under ``constant``.

    Raises:
        MimicError: the data is missing or invalid, or there is no such dense task.
    """
    out, task = Path(out), get_dense_task(settings.task)
    images = DenseData(task, settings)
    training, test = (open_usable(images.open, Path(data), part, settings.image_size) for part in ("train", "test"))
    receipt = Receipt("finetune", {"mode": CONSTANT, **vars(settings)}, sorted({*training.files, *test.files}))
    value = task.best_constant(concatenate(images.chunks(training), len(training)))
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
        protocol=settings.crop_description,
        skipped={"train": training.skipped, "test": test.skipped},
    )
    summary["constant"] = [round(float(channel), 6) for channel in value]
    receipt.statistics["constant"] = summary["constant"]
    log.info("the constant is %s", summary["constant"])
    return write_results(out, summary, receipt, ["metrics.json"])
