"""What a fine-tuning job leaves: ``metrics.json``, the same for trained models and for constants."""

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

DIGITS = 6  # decimals kept
METRICS, RECEIPT = "metrics.json", "receipt.json"


@dataclass(frozen=True)
class SeedResult:
    """One seed's values on the test images and its training losses.

    Attributes:
        validated: (epoch, value of the metric on the validation images), where there are any.
        epoch: the epoch that was tested, the best of these; None: the last.
    """

    seed: int
    per_image: PerImage
    curve: Sequence[tuple[int, float]] = field(default_factory=list)
    validated: Sequence[tuple[int, float]] = field(default_factory=list)
    epoch: int | None = None


class About(TypedDict):
    """What a summary says beside the results.

    Attributes:
        encoder: name of the pretraining run, ``random`` or ``constant``.
        mode: ``frozen``, ``whole`` or ``constant``.
        data: what the numbers were obtained on ("sample world", "NYUv2", "Taskonomy").
        train_images: number of training images.
        seed: the config's, for the bootstrap's draws.
        skipped: samples that were left out, by part (``train``, ``val``, ``test``).
        protocol: how images are cut out and tested, in words.
    """

    encoder: str
    mode: str
    data: str
    train_images: int
    seed: int
    skipped: NotRequired[Mapping[str, Sequence[Skipped]]]
    protocol: NotRequired[str]


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Values with the decimals that are kept."""
    return {name: round(float(value), DIGITS) for name, value in values.items()}


def labelled_only(per_image: PerImage) -> PerImage:
    """Values of the test images that have a valid pixel.

    Raises:
        MimicError: none has.
    """
    keep = np.logical_and.reduce([np.isfinite(values) for values in per_image.values()])
    if not keep.any():
        raise MimicError("no test image has a pixel with a label", remedy="check the dataset's labels")
    if not keep.all():
        log.warning("%d test images have no pixel with a label: left out", int((~keep).sum()))
    return {name: values[keep] for name, values in per_image.items()}


def validation(result: SeedResult) -> dict[str, Any]:
    """What a run says of its validation images; nothing where there were none."""
    if not result.validated:
        return {}
    return {
        "tested_epoch": result.epoch,
        "validation": [[epoch, round(float(value), DIGITS)] for epoch, value in result.validated],
    }


def summarise(task: Task, results: Sequence[SeedResult], **about: Unpack[About]) -> dict[str, Any]:
    """The content of ``metrics.json`` of a task that has a value an image; see :func:`summary_of`.

    Args:
        task: names the metric and its unit.
        results: one a seed.
        about: what else it says.
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
        return bootstrap(kept[0][name], about["seed"])

    return summary_of(task, runs, estimate, results[0].curve, images, **about)


def summary_of(
    task: Task,
    runs: Sequence[Mapping[str, Any]],
    estimate: Callable[[str], dict[str, float]],
    curve: Sequence[tuple[int, float]],
    test_images: int,
    **about: Unpack[About],
) -> dict[str, Any]:
    """The content of ``metrics.json``, the same for every task.

    Args:
        task: names the metric and its unit.
        runs: ``seed``, ``metrics`` and ``per_image`` of every seed.
        estimate: bootstrap of a metric, of the first seed.
        curve: (epoch, mean training loss) of the first seed.
        test_images: number of images that were tested.
        about: what else it says.

    Returns:
        ``mean`` and ``std`` over seeds (sample deviation; None for a single seed), ``bootstrap`` and ``curve`` of the
        first seed, every run with its values per test image, and ``skipped``: the samples that were left out, and why.
    """
    over_seeds = {name: np.array([run["metrics"][name] for run in runs]) for name in runs[0]["metrics"]}
    several = len(runs) > 1
    return {
        "task": task.name,
        "encoder": about["encoder"],
        "mode": about["mode"],
        "metric": task.metric,
        "unit": task.unit,
        "data": about["data"],
        "protocol": about.get("protocol", ""),
        "seeds": [run["seed"] for run in runs],
        "runs": list(runs),
        "mean": rounded({name: values.mean() for name, values in over_seeds.items()}),
        "std": {
            name: round(float(values.std(ddof=1)), DIGITS) if several else None for name, values in over_seeds.items()
        },
        "bootstrap": {name: estimate(name) for name in over_seeds},
        "train_images": about["train_images"],
        "test_images": test_images,
        "skipped": {
            part: [sample._asdict() for sample in samples] for part, samples in about.get("skipped", {}).items()
        },
        "curve": [[epoch, round(loss, DIGITS)] for epoch, loss in curve],
    }


def leave(out: Path, summary: dict[str, Any], receipt: Receipt, outputs: Sequence[str]) -> dict[str, Any]:
    """Write ``metrics.json`` and, last, the receipt of all ``outputs`` in the folder ``out``; returns the summary."""
    write_json(out / METRICS, summary)
    receipt.statistics |= {key: summary[key] for key in ("mean", "std", "data")}
    receipt.statistics["skipped"] = {part: len(samples) for part, samples in summary["skipped"].items()}
    receipt.write(out / RECEIPT, [out / name for name in outputs])
    log.info("%s %s", summary["metric"], summary["mean"][summary["metric"]])
    return summary
