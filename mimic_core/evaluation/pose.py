"""Average precision and recall of keypoints from per-image matches, for resampled test sets.

COCO's evaluation matches predicted with true people in each image by object keypoint similarity (OKS) at ten
thresholds, and computes its metrics from the matches of all images, sorted by score. The matches of each image are kept
here, so that the metrics of any resampled test set equal those of COCO's evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # OKS thresholds
RECALLS = np.linspace(0.0, 1.0, 101)  # recalls at which precision is sampled
MAX_DETECTIONS = 20  # predictions evaluated per image, those of the highest scores


@dataclass(frozen=True)
class Matches:
    """Predicted people of one image, matched with the true ones.

    Attributes:
        scores: (D,) of the predicted people, highest first.
        matched: (10, D), whether each is matched with a true person, at every threshold.
        ignored: (10, D), whether each is left out of the evaluation, at every threshold.
        people: number of true people that are evaluated.
    """

    scores: NDArray[np.float64]
    matched: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    people: int

    @classmethod
    def of(cls, evaluated: Mapping[str, Any] | None) -> Matches:
        """Convert an entry of ``COCOeval.evalImgs``; None means an image with neither people nor predictions."""
        if evaluated is None:
            nobody = np.zeros((len(THRESHOLDS), 0), bool)
            return cls(np.zeros(0), nobody, nobody, 0)
        return cls(
            np.asarray(evaluated["dtScores"], np.float64)[:MAX_DETECTIONS],
            np.asarray(evaluated["dtMatches"])[:, :MAX_DETECTIONS] >= 0,
            np.asarray(evaluated["dtIgnore"], bool)[:, :MAX_DETECTIONS],
            int(np.count_nonzero(np.asarray(evaluated["gtIgnore"]) == 0)),
        )


def pose_metrics(images: Sequence[Matches], rows: NDArray[np.int64] | None = None) -> dict[str, float]:
    """Compute ``ap``, ``ap50``, ``ap75`` and ``ar`` of a test set in percent, as COCO's evaluation does.

    Args:
        images: the matches of every image.
        rows: indices of the test set's images, possibly repeated; None: each image once.

    Returns:
        The metrics by name; all are NaN if no true person is evaluated.
    """
    drawn = [images[row] for row in (range(len(images)) if rows is None else rows.tolist())]
    people = sum(image.people for image in drawn)
    if people == 0:
        return dict.fromkeys(("ap", "ap50", "ap75", "ar"), float("nan"))
    order = np.argsort(-np.concatenate([image.scores for image in drawn]), kind="stable")
    matched = np.concatenate([image.matched for image in drawn], axis=1)[:, order]
    counts = ~np.concatenate([image.ignored for image in drawn], axis=1)[:, order]
    right, wrong = (np.cumsum(found & counts, axis=1).astype(np.float64) for found in (matched, ~matched))
    precision = np.zeros((len(THRESHOLDS), len(RECALLS)))
    recall = np.zeros(len(THRESHOLDS))
    for number in range(len(THRESHOLDS)):
        reached = right[number] / people
        exact = right[number] / (wrong[number] + right[number] + np.spacing(1))
        envelope = np.maximum.accumulate(exact[::-1])[::-1]  # the best precision at this recall or above
        places = np.searchsorted(reached, RECALLS, side="left")
        there = places < len(envelope)
        precision[number, there] = envelope[places[there]]
        recall[number] = reached[-1] if len(reached) else 0.0
    return {
        "ap": 100 * float(precision.mean()),
        "ap50": 100 * float(precision[0].mean()),
        "ap75": 100 * float(precision[5].mean()),
        "ar": 100 * float(recall.mean()),
    }


def pack_matches(images: Sequence[Matches]) -> dict[str, list[Any]]:
    """Pack matches for ``metrics.json``: one list per image; bit i of ``matched`` and ``ignored`` is threshold i."""
    bits = 1 << np.arange(len(THRESHOLDS))[:, None]
    return {
        "people": [image.people for image in images],
        "scores": [image.scores.tolist() for image in images],
        "matched": [(bits * image.matched).sum(axis=0).tolist() for image in images],
        "ignored": [(bits * image.ignored).sum(axis=0).tolist() for image in images],
    }


def unpack_matches(packed: Mapping[str, Sequence[Any]]) -> list[Matches]:
    """Invert :func:`pack_matches`."""
    bits = 1 << np.arange(len(THRESHOLDS))[:, None]
    columns = zip(packed["people"], packed["scores"], packed["matched"], packed["ignored"], strict=True)
    return [
        Matches(
            np.asarray(scores, np.float64),
            (np.asarray(matched, np.int64) & bits) > 0,
            (np.asarray(ignored, np.int64) & bits) > 0,
            int(people),
        )
        for people, scores, matched, ignored in columns
    ]
