"""What is suggested for a name that is not known."""

import pytest

from mimic_core.kit.suggestions import did_you_mean


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ratoi", "did you mean 'ratio'?"),
        ("zzz", "known: min_inliers, ratio"),
        (7, "known: min_inliers, ratio"),
        ("r" * 10**6, "known: min_inliers, ratio"),
    ],
)
def test_the_closest_name_is_suggested_or_all_are_named(name, expected):
    assert did_you_mean(name, ["min_inliers", "ratio"], "known") == expected
