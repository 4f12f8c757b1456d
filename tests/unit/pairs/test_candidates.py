from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.pairs.candidates import RandomWalkRule, VideoRule, ViewOf
from mimic_core.pairs.measurement import Measurement, verdict_of
from mimic_core.pairs.settings import MiningSettings


def scripted(overlaps):
    """A measure that answers from a table, and fails when it is asked for a pair twice."""
    asked = Counter()

    def measure(view1, view2):
        asked[view1, view2] += 1
        assert asked[view1, view2] == 1, "a pair is measured once"
        value = overlaps(view1, view2)
        return Measurement(verdict_of(value, MiningSettings()), overlap=value)

    return measure


def video(count):
    return [ViewOf(number) for number in range(count)]


def test_a_slow_video_takes_the_view_after_next_and_skips_one():
    found = list(VideoRule().candidates(video(5), scripted(lambda a, b: 0.9 if b == a + 1 else 0.6)))
    assert [(one.view1, one.view2, one.measurement.verdict) for one in found] == [
        (0, 1, "high_overlap"),
        (0, 2, "kept"),
        (2, 3, "high_overlap"),
        (2, 4, "kept"),
    ]


def test_a_fast_video_takes_neighbours():
    found = list(VideoRule().candidates(video(4), scripted(lambda a, b: 0.6)))
    assert [(one.view1, one.view2) for one in found] == [(0, 1), (1, 2), (2, 3)]


@given(st.integers(0, 12), st.integers(0, 10_000))
def test_video_pairs_are_near_and_measured_once(count, seed):
    values = np.random.default_rng(seed).choice([0.2, 0.6, 0.9], 200)
    found = list(VideoRule().candidates(video(count), scripted(lambda a, b: values[13 * a + b])))
    pairs = [(one.view1, one.view2) for one in found]
    assert len(set(pairs)) == len(pairs)
    assert all(view2 - view1 in (1, 2) for view1, view2 in pairs)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 10_000))
def test_a_walk_keeps_the_smallest_overlaps_of_each_sample(samples, keep, seed):
    values = np.random.default_rng(seed).uniform(0.3, 0.9, 500)
    roles = ["A"] * 3 + ["B"] * 3 + ["C"] * 3
    views = [ViewOf(9 * sample + i, sample, role) for sample in range(samples) for i, role in enumerate(roles)]
    found = list(RandomWalkRule(keep).candidates(views, scripted(lambda a, b: values[(31 * a + b) % 500])))
    assert len(found) == samples * 3 * 6
    for sample in range(samples):
        mine = [one for one in found if one.view1 // 9 == sample]
        assert all(one.view2 // 9 == sample for one in mine), "candidates never cross samples"
        assert all(roles[one.view1 % 9] == "A" and roles[one.view2 % 9] in "BC" for one in mine)
        kept = [one.measurement.overlap for one in mine if one.measurement.verdict == "kept"]
        passed = [one.measurement.overlap for one in mine if one.measurement.verdict == "not_best"]
        assert len(kept) == min(keep, len(kept) + len(passed))
        assert not kept or not passed or max(kept) <= min(passed)
