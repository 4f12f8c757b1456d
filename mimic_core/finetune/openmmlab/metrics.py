"""``metrics.json`` of segmentation: figures of whole test sets, from counts kept for every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimic_core.errors import MimicError
from mimic_core.evaluation.bootstrap import bootstrap_statistic
from mimic_core.evaluation.segmentation import Counts, drawn_counts, pack_counts, segmentation_metrics
from mimic_core.finetune.results import DIGITS

METRIC = "miou"


@dataclass(frozen=True)
class SegmentationResult:
    """One seed's counts on the test images and its training losses.

    Attributes:
        seed: the repetition.
        images: N names of the test images.
        counts: (N, 3, classes), as :func:`mimic_core.evaluation.segmentation.confusion_counts`.
        curve: (epoch, mean loss).
    """

    seed: int
    images: Sequence[str]
    counts: Counts
    curve: Sequence[tuple[int, float]]


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Values with the decimals that are kept."""
    return {name: round(value, DIGITS) for name, value in values.items()}


def run_entry(result: SegmentationResult) -> dict[str, Any]:
    """One seed's part of ``metrics.json``.

    Raises:
        MimicError: no test image has a labelled pixel.
    """
    total = result.counts.sum(axis=0)
    if not total[2].any():
        raise MimicError("no test image has a pixel with a label", remedy="check the dataset's labels")
    per_image = {"image": list(result.images), **pack_counts(result.counts)}
    return {"seed": result.seed, "metrics": rounded(segmentation_metrics(total)), "per_image": per_image}


def summarise_segmentation(
    results: Sequence[SegmentationResult], *, encoder: str, mode: str, data: str, train_images: int, seed: int
) -> dict[str, Any]:
    """The content of ``metrics.json``; see :func:`mimic_core.finetune.results.summarise`.

    ``per_image`` of a run holds, for every test image, its name, the classes (from 0) that occur in its truth or
    prediction, and the pixels of each as :data:`mimic_core.evaluation.segmentation.KINDS`. A test set of the bootstrap
    has the images drawn; classes that do not occur in them do not count.
    """
    runs = [run_entry(result) for result in results]
    names = list(runs[0]["metrics"])
    over_seeds = {name: np.array([run["metrics"][name] for run in runs]) for name in names}
    first, several = results[0].counts, len(runs) > 1

    def figure(name: str) -> dict[str, float]:
        return bootstrap_statistic(lambda rows: segmentation_metrics(drawn_counts(first, rows))[name], len(first), seed)

    return {
        "task": "segmentation",
        "encoder": encoder,
        "mode": mode,
        "metric": METRIC,
        "unit": "percent",
        "data": data,
        "seeds": [result.seed for result in results],
        "runs": runs,
        "mean": {name: round(float(values.mean()), DIGITS) for name, values in over_seeds.items()},
        "std": {
            name: round(float(values.std(ddof=1)), DIGITS) if several else None for name, values in over_seeds.items()
        },
        "bootstrap": {name: figure(name) for name in names},
        "train_images": train_images,
        "test_images": len(first),
        "curve": [[epoch, round(loss, DIGITS)] for epoch, loss in results[0].curve],
    }
