"""One cosine: where it begins and ends, and that a warm-up meets it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.kit.schedules import between, cosine, warmed_up


def test_half_a_cosine_falls_from_one_to_zero_and_stays():
    assert cosine(0) == 1
    assert cosine(0.5) == pytest.approx(0.5)
    assert cosine(1) == cosine(7) == 0
    assert [between(2, 6, done) for done in (0, 0.5, 1)] == pytest.approx([2, 4, 6])


@given(st.floats(0.1, 9), st.floats(0, 0.1), st.floats(0, 0.1))
def test_a_warm_up_rises_to_the_peak_and_the_cosine_falls_to_the_end(peak, start, end):
    given = {"peak": peak, "epochs": 10, "warmup_epochs": 2, "start": start, "end": end}
    values = [warmed_up(epoch / 4, **given) for epoch in range(41)]
    assert values[0] == pytest.approx(start) and values[8] == pytest.approx(peak) and values[-1] == pytest.approx(end)
    assert values[:9] == sorted(values[:9]) and values[8:] == sorted(values[8:], reverse=True)
