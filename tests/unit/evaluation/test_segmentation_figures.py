"""Segmentation's figures: those of mmseg, perfect for the truth, and sums of the images' counts."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.evaluation.segmentation import (
    IGNORED,
    confusion_counts,
    drawn_counts,
    pack_counts,
    segmentation_metrics,
    unpack_counts,
)
from mimic_core.finetune.openmmlab import require_openmmlab

require_openmmlab()
from mmseg.evaluation import IoUMetric  # noqa: E402

CLASSES = 7
labels = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A prediction (H, W) and a truth with ignored pixels."""
    shape = tuple(rng.integers(1, 12, 2))
    known = rng.integers(0, CLASSES, rng.integers(1, CLASSES + 1))  # some classes do not occur
    truth = rng.choice(np.append(known, IGNORED), shape)
    return rng.choice(known, shape), truth


@given(labels, st.integers(1, 5))
def test_the_figures_are_those_of_mmseg(rng, images):
    drawn = [draw(rng) for _ in range(images)]
    total = sum(confusion_counts(*pair, CLASSES) for pair in drawn)
    areas = [IoUMetric.intersect_and_union(*map(torch.from_numpy, pair), CLASSES, IGNORED) for pair in drawn]
    theirs = IoUMetric.total_area_to_metrics(*(sum(parts) for parts in zip(*areas, strict=True)))
    expected = {"miou": theirs["IoU"], "macc": theirs["Acc"], "aacc": theirs["aAcc"]}
    for name, value in segmentation_metrics(total).items():
        known = expected[name][np.isfinite(expected[name])]
        assert value == pytest.approx(100 * known.mean() if known.size else np.nan, rel=1e-5, nan_ok=True)


@given(labels)
def test_the_truth_is_a_perfect_prediction(rng):
    _, truth = draw(rng)
    perfect = np.where(truth == IGNORED, 0, truth)
    values = segmentation_metrics(confusion_counts(perfect, truth, CLASSES)).values()
    expected = 100.0 if (truth != IGNORED).any() else np.nan
    assert list(values) == pytest.approx([expected] * 3, nan_ok=True)


@given(labels, st.integers(1, 6))
def test_counts_survive_json_and_add_up(rng, images):
    counts = np.stack([confusion_counts(*draw(rng), CLASSES) for _ in range(images)])
    packed = json.loads(json.dumps(pack_counts(counts)))
    np.testing.assert_array_equal(unpack_counts(packed, CLASSES), counts)
    rows = rng.integers(0, images, images)
    np.testing.assert_array_equal(drawn_counts(counts, rows), counts[rows].sum(axis=0))
