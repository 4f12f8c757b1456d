"""``metrics.json`` of segmentation: figures of whole test sets, from counts kept for every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from mimic_core.evaluation.bootstrap import bootstrap_statistic
from mimic_core.evaluation.segmentation import Counts, drawn_counts, pack_counts, segmentation_metrics
from mimic_core.finetune.results import About, Reported, rounded, summary_of
from mimic_core.kit.errors import MimicError

SEGMENTATION = Reported("segmentation", "miou", "percent")


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


def summarise_segmentation(results: Sequence[SegmentationResult], **about: Unpack[About]) -> dict[str, Any]:
    """The content of ``metrics.json``; see :func:`mimic_core.finetune.results.summary_of`.

    ``per_image`` of a run holds, for every test image, its name, the classes (from 0) that occur in its truth or
    prediction, and the pixels of each as :data:`mimic_core.evaluation.segmentation.KINDS`. A test set of the bootstrap
    has the images drawn; classes that do not occur in them do not count.
    """
    first = results[0].counts

    def figure(name: str) -> dict[str, float]:
        return bootstrap_statistic(
            lambda rows: segmentation_metrics(drawn_counts(first, rows))[name], len(first), about["seed"]
        )

    runs = [run_entry(result) for result in results]
    return summary_of(SEGMENTATION, runs, figure, results[0].curve, len(first), **about)
