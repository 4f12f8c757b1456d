"""Average precision and recall of keypoints from what is kept of every image, for test sets drawn from them.

COCO's evaluation matches the predicted people of one image with the true ones by object keypoint similarity (OKS), at
ten thresholds; figures of a test set come from the matches of all its images, sorted by score. Here the matches of each
image are kept, so that the figures of any drawn test set are exactly those that COCO's own evaluation would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the OKS
RECALLS = np.linspace(0.0, 1.0, 101)  # at which the precision is read
MOST = 20  # predicted people of an image that count, the best ones


@dataclass(frozen=True)
class Matches:
    """How the predictions of one image fared.

    Attributes:
        scores: (D,) of the predicted people, the best first.
        matched: (10, D) whether each found a person of its own, at every threshold.
        ignored: (10, D) whether each counts neither for nor against.
        people: true people that count.
    """

    scores: NDArray[np.float64]
    matched: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    people: int

    @classmethod
    def of(cls, evaluated: Mapping[str, Any] | None) -> Matches:
        """From an entry of ``COCOeval.evalImgs``; None stands for an image with neither people nor predictions."""
        if evaluated is None:
            nobody = np.zeros((len(THRESHOLDS), 0), bool)
            return cls(np.zeros(0), nobody, nobody, 0)
        return cls(
            np.asarray(evaluated["dtScores"], np.float64)[:MOST],
            np.asarray(evaluated["dtMatches"])[:, :MOST] >= 0,
            np.asarray(evaluated["dtIgnore"], bool)[:, :MOST],
            int(np.count_nonzero(np.asarray(evaluated["gtIgnore"]) == 0)),
        )


def pose_metrics(images: Sequence[Matches], rows: NDArray[np.int64] | None = None) -> dict[str, float]:
    """``ap``, ``ap50``, ``ap75`` and ``ar`` in percent of a test set, as COCO's evaluation gives them.

    Args:
        images: what is kept of every image.
        rows: the images of the test set, one twice counting twice; None: each once.

    Returns:
        NaN for all where no person counts.
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
        envelope = np.maximum.accumulate(exact[::-1])[::-1]  # the best precision at this recall or beyond
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
    """What ``metrics.json`` keeps: a list an image, with bit i of ``matched`` and ``ignored`` for threshold i."""
    bits = 1 << np.arange(len(THRESHOLDS))[:, None]
    return {
        "people": [image.people for image in images],
        "scores": [image.scores.tolist() for image in images],
        "matched": [(bits * image.matched).sum(axis=0).tolist() for image in images],
        "ignored": [(bits * image.ignored).sum(axis=0).tolist() for image in images],
    }


def unpack_matches(packed: Mapping[str, Sequence[Any]]) -> list[Matches]:
    """What :func:`pack_matches` was given."""
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
