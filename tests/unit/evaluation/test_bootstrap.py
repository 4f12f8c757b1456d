"""The error estimate: what is drawn, and what the figures mean."""

import numpy as np
import pytest

from mimic_core.errors import MimicError
from mimic_core.evaluation.bootstrap import bootstrap, bootstrap_means


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


def test_no_values_are_refused():
    with pytest.raises(MimicError, match="no per-image values"):
        bootstrap([], seed=0)
