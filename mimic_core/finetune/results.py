"""What a fine-tuning job leaves: ``metrics.json``, the same for trained models and for constants."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mimic_core.errors import MimicError
from mimic_core.evaluation.bootstrap import bootstrap
from mimic_core.evaluation.metrics import PerImage

log = logging.getLogger("mimic")

DIGITS = 6  # decimals kept


class Named(Protocol):
    """What a result says of its task."""

    @property
    def name(self) -> str:
        """As in the config."""

    @property
    def metric(self) -> str:
        """The metric that the paper reports."""

    @property
    def unit(self) -> str:
        """What the metric's numbers mean."""


@dataclass(frozen=True)
class Reported:
    """A task that has no more to it than :class:`Named`."""

    name: str
    metric: str
    unit: str


@dataclass(frozen=True)
class SeedResult:
    """One seed's values on the test images and its training losses."""

    seed: int
    per_image: PerImage
    curve: Sequence[tuple[int, float]] = field(default_factory=list)


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


def summarise(
    task: Named, results: Sequence[SeedResult], *, encoder: str, mode: str, data: str, train_images: int, seed: int
) -> dict[str, Any]:
    """The content of ``metrics.json``.

    Args:
        task: names the metric and its unit.
        results: one a seed.
        encoder: name of the pretraining run, ``random`` or ``constant``.
        mode: ``frozen``, ``whole`` or ``constant``.
        data: what the numbers were obtained on ("sample world", "NYUv2", "Taskonomy").
        train_images: number of training images.
        seed: the config's, for the bootstrap's draws.

    Returns:
        ``mean`` and ``std`` over seeds (sample deviation; None for a single seed), ``bootstrap`` and ``curve`` of the
        first seed, and every run with its values per test image.
    """
    kept = [labelled_only(result.per_image) for result in results]
    runs: list[dict[str, Any]] = [
        {
            "seed": result.seed,
            "metrics": {name: round(float(values.mean()), DIGITS) for name, values in per_image.items()},
            "per_image": {name: np.round(values, DIGITS).tolist() for name, values in per_image.items()},
        }
        for result, per_image in zip(results, kept, strict=True)
    ]
    over_seeds = {name: np.array([run["metrics"][name] for run in runs]) for name in kept[0]}
    several = len(results) > 1
    return {
        "task": task.name,
        "encoder": encoder,
        "mode": mode,
        "metric": task.metric,
        "unit": task.unit,
        "data": data,
        "seeds": [result.seed for result in results],
        "runs": runs,
        "mean": {name: round(float(values.mean()), DIGITS) for name, values in over_seeds.items()},
        "std": {
            name: round(float(values.std(ddof=1)), DIGITS) if several else None for name, values in over_seeds.items()
        },
        "bootstrap": {name: bootstrap(values, seed) for name, values in kept[0].items()},
        "train_images": train_images,
        "test_images": len(kept[0][task.metric]),
        "curve": [[epoch, round(loss, DIGITS)] for epoch, loss in results[0].curve],
    }
