"""The error estimate: what is drawn, and what the figures mean."""

import numpy as np
import pytest

from mimic_core.evaluation.resampling import bootstrap, bootstrap_means, bootstrap_statistic
from mimic_core.kit.errors import MimicError


def test_equal_values_have_no_spread():
    assert bootstrap([7.0] * 12, seed=0) == {"min": 7.0, "max": 7.0, "mean": 7.0, "std": 0.0}


def test_the_spread_is_that_of_a_mean():
    values = np.random.default_rng(0).normal(50, 10, size=400)
    summary = bootstrap(values, seed=1, draws=4000)
    assert summary["std"] == pytest.approx(values.std() / np.sqrt(len(values)), rel=0.05)
    assert summary["mean"] == pytest.approx(values.mean(), abs=0.05)
    assert values.min() < summary["min"] < summary["mean"] < summary["max"] < values.max()


def test_a_hundred_sets_are_drawn_with_replacement():
    means = bootstrap_means([0.0, 1.0, 10.0], seed=0)
    sums = np.round(means * 3).astype(int)
    assert len(means) == 100
    assert {0, 30} & set(sums)  # one image three times: impossible without replacement
    assert set(sums) <= {a + b + c for a in (0, 1, 10) for b in (0, 1, 10) for c in (0, 1, 10)}


def test_two_models_meet_the_same_test_sets():
    values = np.random.default_rng(0).random(50)
    np.testing.assert_allclose(bootstrap_means(values + 3, seed=5), bootstrap_means(values, seed=5) + 3)
    assert (bootstrap_means(values, seed=5) != bootstrap_means(values, seed=6)).any()


def test_a_figure_that_is_no_mean_is_measured_on_the_same_test_sets():
    values = np.random.default_rng(0).random(30)
    assert bootstrap_statistic(lambda rows: values[rows].mean(), 30, seed=2) == bootstrap(values, seed=2)
    drawn: list[np.ndarray] = []
    summary = bootstrap_statistic(lambda rows: drawn.append(rows) or values[rows].max(), 30, seed=2)
    assert len(drawn) == 100 and all(len(rows) == 30 and set(rows) <= set(range(30)) for rows in drawn)
    assert summary["max"] == values.max()
    assert summary["min"] == min(values[rows].max() for rows in drawn) < values.max()
    assert bootstrap_statistic(len, 30, seed=2, draws=1) == {"min": 30, "max": 30, "mean": 30, "std": 0}


def test_no_values_are_refused():
    with pytest.raises(MimicError, match="no per-image values"):
        bootstrap([], seed=0)
