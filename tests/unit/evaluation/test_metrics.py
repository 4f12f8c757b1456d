"""Metrics against values worked out by hand, and laws that hold for any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mimic_core.evaluation.metrics import depth_metrics, normal_metrics

SHAPE = (2, 3, 4)
DEPTHS = arrays(np.float64, SHAPE, elements=st.floats(0.1, 20))
ENCODED = arrays(np.float64, (2, 3, 3, 4), elements=st.floats(0, 1))
MASKS = arrays(np.bool_, SHAPE)


def test_depth_by_hand():
    target = np.array([[[1.0, 2.0], [4.0, 0.0]]])
    prediction = np.array([[[1.0, 2.6], [2.0, 9.0]]])  # ratios 1, 1.3, 2; the last is invalid
    metrics = depth_metrics(prediction, target, target > 0)
    assert metrics["delta1"] == pytest.approx(100 / 3)
    assert metrics["delta2"] == pytest.approx(200 / 3)  # 1.3 < 1.5625 < 1.953 < 2
    assert metrics["delta3"] == pytest.approx(200 / 3)
    assert metrics["rmse"] == pytest.approx(np.sqrt((0.36 + 4) / 3))
    assert metrics["rel"] == pytest.approx((0.3 + 0.5) / 3)
    assert metrics["srel"] == pytest.approx((0.18 + 1.0) / 3)
    assert metrics["log10"] == pytest.approx((np.log10(1.3) + np.log10(2)) / 3)


def test_delta_is_strict_at_its_threshold():
    target = np.ones((1, 1, 2))
    prediction = np.array([[[1.25, 1.2499]]])
    assert depth_metrics(prediction, target, target > 0)["delta1"] == 50


def test_a_prediction_below_zero_is_wrong_and_finite():
    metrics = depth_metrics(np.full((1, 1, 1), -3.0), np.ones((1, 1, 1)), np.ones((1, 1, 1), bool))
    assert metrics["delta3"] == 0 and all(np.isfinite(values).all() for values in metrics.values())


def test_normals_by_hand():
    up, left = np.array([0.5, 1.0, 0.5]), np.array([0.0, 0.5, 0.5])
    target = np.stack([up, up, up]).T.reshape(1, 3, 1, 3)
    prediction = np.stack([up, left, np.ones(3)]).T.reshape(1, 3, 1, 3)
    metrics = normal_metrics(prediction, target, np.array([[[True, True, False]]]))
    assert metrics["l1"] == pytest.approx(1000 * (0 + (0.5 + 0.5) / 3) / 2)
    assert metrics["angle"] == pytest.approx((0 + 90) / 2)


@settings(deadline=None, max_examples=50)
@given(DEPTHS, DEPTHS, MASKS)
def test_deltas_are_ordered_percentages(prediction, target, valid):
    metrics = depth_metrics(prediction, target, valid)
    some = valid.any(axis=(1, 2))
    deltas = np.stack([metrics[f"delta{power}"][some] for power in (1, 2, 3)])
    assert (np.diff(deltas, axis=0) >= 0).all() and (deltas >= 0).all() and (deltas <= 100 + 1e-9).all()
    assert all(np.isnan(values[~some]).all() for values in metrics.values())


@settings(deadline=None, max_examples=50)
@given(DEPTHS, ENCODED)
def test_a_perfect_prediction_is_perfect(depth, normals):
    valid = np.ones(SHAPE, bool)
    metrics = depth_metrics(depth, depth, valid)
    assert (metrics["delta1"] == 100).all()
    assert all((metrics[name] == 0).all() for name in ("rmse", "rel", "srel", "log10"))
    assert (normal_metrics(normals, normals, valid)["l1"] == 0).all()


@settings(deadline=None, max_examples=50)
@given(DEPTHS, DEPTHS, MASKS, st.sampled_from([0.0, np.nan, np.inf, -1.0, 1e9]))
def test_invalid_pixels_are_ignored(prediction, target, valid, anything):
    spoilt = np.where(valid, target, anything)
    before, after = depth_metrics(prediction, target, valid), depth_metrics(prediction, spoilt, valid)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


@settings(deadline=None, max_examples=50)
@given(ENCODED, ENCODED, MASKS)
def test_invalid_normals_are_ignored_and_l1_is_symmetric(prediction, target, valid):
    spoilt = np.where(valid[:, None], target, 0.123)
    expected = normal_metrics(prediction, target, valid)["l1"]
    np.testing.assert_array_equal(normal_metrics(prediction, spoilt, valid)["l1"], expected)
    np.testing.assert_allclose(normal_metrics(target, prediction, valid)["l1"], expected)
