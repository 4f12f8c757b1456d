"""``metrics.json`` of a fine-tuning job, in the same format for trained models and for the constant baseline."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

import numpy as np

from mimic_core.evaluation import PerImage, bootstrap
from mimic_core.finetune.data import Skipped
from mimic_core.finetune.tasks.base import Task
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_json
from mimic_core.kit.receipts import Receipt

log = logging.getLogger("mimic")

DIGITS = 6  # decimals of numbers in metrics.json
METRICS, RECEIPT = "metrics.json", "receipt.json"


@dataclass(frozen=True)
class SeedResult:
    """One seed's metrics on the test images and its training losses.

    Attributes:
        per_image: metric names mapped to (N,) values.
        curve: (epoch, mean training loss).
        validated: (epoch, metric on the validation images); empty without validation.
        epoch: the tested epoch, the best on the validation images; None: the last.
    """

    seed: int
    per_image: PerImage
    curve: Sequence[tuple[int, float]] = field(default_factory=list)
    validated: Sequence[tuple[int, float]] = field(default_factory=list)
    epoch: int | None = None


class RunInfo(TypedDict):
    """What a summary says besides the results.

    Attributes:
        encoder: name of the pretraining run, ``random`` or ``constant``.
        mode: ``frozen``, ``whole`` or ``constant``.
        data: the dataset that was used ("sample world", "NYUv2", "Taskonomy").
        train_images: number of training images.
        seed: the config's seed, for the bootstrap.
        skipped: unusable samples, by part (``train``, ``val``, ``test``).
        protocol: how images are cropped and tested, in words.
    """

    encoder: str
    mode: str
    data: str
    train_images: int
    seed: int
    skipped: NotRequired[Mapping[str, Sequence[Skipped]]]
    protocol: NotRequired[str]


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Round values to ``DIGITS`` decimals."""
    return {name: round(float(value), DIGITS) for name, value in values.items()}


def labelled_only(per_image: PerImage) -> PerImage:
    """Return the values of the test images that have a valid pixel.

    Raises:
        MimicError: no image has one.
    """
    keep = np.logical_and.reduce([np.isfinite(values) for values in per_image.values()])
    if not keep.any():
        raise MimicError("no test image has a pixel with a label", remedy="check the dataset's labels")
    if not keep.all():
        log.warning("%d test images have no pixel with a label: left out", int((~keep).sum()))
    return {name: values[keep] for name, values in per_image.items()}


def validation(result: SeedResult) -> dict[str, Any]:
    """What a run says of its validation; empty without validation."""
    if not result.validated:
        return {}
    return {
        "tested_epoch": result.epoch,
        "validation": [[epoch, round(float(value), DIGITS)] for epoch, value in result.validated],
    }


def summarise(task: Task, results: Sequence[SeedResult], **info: Unpack[RunInfo]) -> dict[str, Any]:
    """Return the content of ``metrics.json`` for a task with one value per image; see :func:`summary_of`.

    Args:
        task: provides the metric and its unit.
        results: the results of every seed.
        info: see :class:`RunInfo`.
    """
    kept = [labelled_only(result.per_image) for result in results]
    runs = [
        {
            "seed": result.seed,
            "metrics": rounded({name: values.mean() for name, values in per_image.items()}),
            "per_image": {name: np.round(values, DIGITS).tolist() for name, values in per_image.items()},
            **validation(result),
        }
        for result, per_image in zip(results, kept, strict=True)
    ]
    images = len(kept[0][task.metric])

    def estimate(name: str) -> dict[str, float]:
        return bootstrap(kept[0][name], info["seed"])

    return summary_of(task, runs, estimate, results[0].curve, images, **info)


def summary_of(
    task: Task,
    runs: Sequence[Mapping[str, Any]],
    estimate: Callable[[str], dict[str, float]],
    curve: Sequence[tuple[int, float]],
    test_images: int,
    **info: Unpack[RunInfo],
) -> dict[str, Any]:
    """Return the content of ``metrics.json``, in the format of all tasks.

    Args:
        task: provides the metric and its unit.
        runs: ``seed``, ``metrics`` and ``per_image`` of every seed.
        estimate: returns the bootstrap of a metric for the first seed.
        curve: (epoch, mean training loss) of the first seed.
        test_images: number of images tested.
        info: see :class:`RunInfo`.

    Returns:
        ``mean`` and ``std`` over seeds (sample standard deviation; None for a single seed), ``bootstrap`` and ``curve``
        of the first seed, all runs with their values per test image, and ``skipped``: unusable samples and why.
    """
    over_seeds = {name: np.array([run["metrics"][name] for run in runs]) for name in runs[0]["metrics"]}
    several = len(runs) > 1
    return {
        "task": task.name,
        "encoder": info["encoder"],
        "mode": info["mode"],
        "metric": task.metric,
        "unit": task.unit,
        "data": info["data"],
        "protocol": info.get("protocol", ""),
        "seeds": [run["seed"] for run in runs],
        "runs": list(runs),
        "mean": rounded({name: values.mean() for name, values in over_seeds.items()}),
        "std": {
            name: round(float(values.std(ddof=1)), DIGITS) if several else None for name, values in over_seeds.items()
        },
        "bootstrap": {name: estimate(name) for name in over_seeds},
        "train_images": info["train_images"],
        "test_images": test_images,
        "skipped": {
            part: [sample._asdict() for sample in samples] for part, samples in info.get("skipped", {}).items()
        },
        "curve": [[epoch, round(loss, DIGITS)] for epoch, loss in curve],
    }


def write_results(out: Path, summary: dict[str, Any], receipt: Receipt, outputs: Sequence[str]) -> dict[str, Any]:
    """Write ``metrics.json`` and, last, the receipt of all ``outputs`` into the folder ``out``; return the summary."""
    write_json(out / METRICS, summary)
    receipt.statistics |= {key: summary[key] for key in ("mean", "std", "data")}
    receipt.statistics["skipped"] = {part: len(samples) for part, samples in summary["skipped"].items()}
    receipt.write(out / RECEIPT, [out / name for name in outputs])
    log.info("%s %s", summary["metric"], summary["mean"][summary["metric"]])
    return summary
