import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import REPOSITORY

from mimic_core.config.checking import read_schema
from mimic_core.kit.errors import MimicError
from mimic_core.pairs.candidates import ViewOf
from mimic_core.pairs.measurement import Measurement, verdict_of
from mimic_core.pairs.rules import DEFAULTS, RULES, Groups, Neighbours, RandomWalk, Stride, Windows, rule_for
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
    found = list(Neighbours().candidates(video(5), scripted(lambda a, b: 0.9 if b == a + 1 else 0.6)))
    assert [(one.view1, one.view2, one.measurement.verdict) for one in found] == [
        (0, 1, "high_overlap"),
        (0, 2, "kept"),
        (2, 3, "high_overlap"),
        (2, 4, "kept"),
    ]


@pytest.mark.parametrize("far", [0.9, 0.2])
def test_no_view_is_skipped_for_a_pair_that_is_not_kept(far):
    found = list(Neighbours().candidates(video(4), scripted(lambda a, b: 0.9 if b == a + 1 else far)))
    assert [(one.view1, one.view2) for one in found] == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]


def test_a_fast_video_takes_neighbours():
    found = list(Neighbours().candidates(video(4), scripted(lambda a, b: 0.6)))
    assert [(one.view1, one.view2) for one in found] == [(0, 1), (1, 2), (2, 3)]


@given(st.integers(0, 12), st.integers(0, 10_000))
def test_video_pairs_are_near_and_measured_once(count, seed):
    values = np.random.default_rng(seed).choice([0.2, 0.6, 0.9], 200)
    found = list(Neighbours().candidates(video(count), scripted(lambda a, b: values[13 * a + b])))
    pairs = [(one.view1, one.view2) for one in found]
    assert len(set(pairs)) == len(pairs)
    assert all(view2 - view1 in (1, 2) for view1, view2 in pairs)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 10_000))
def test_a_walk_keeps_the_smallest_overlaps_of_each_sample(samples, keep, seed):
    values = np.random.default_rng(seed).uniform(0.3, 0.9, 500)
    roles = ["A"] * 3 + ["B"] * 3 + ["C"] * 3
    views = [ViewOf(9 * sample + i, sample, role) for sample in range(samples) for i, role in enumerate(roles)]
    found = list(RandomWalk(keep).candidates(views, scripted(lambda a, b: values[(31 * a + b) % 500])))
    assert len(found) == samples * 3 * 6
    for sample in range(samples):
        mine = [one for one in found if one.view1 // 9 == sample]
        assert all(one.view2 // 9 == sample for one in mine), "candidates never cross samples"
        assert all(roles[one.view1 % 9] == "A" and roles[one.view2 % 9] in "BC" for one in mine)
        kept = [one.measurement.overlap for one in mine if one.measurement.verdict == "kept"]
        passed = [one.measurement.overlap for one in mine if one.measurement.verdict == "not_best"]
        assert len(kept) == min(keep, len(kept) + len(passed))
        assert not kept or not passed or max(kept) <= min(passed)


def test_a_rule_may_stop_at_neighbours():
    found = list(Neighbours(look_further=False).candidates(video(4), scripted(lambda a, b: 0.9)))
    assert [(one.view1, one.view2) for one in found] == [(0, 1), (1, 2), (2, 3)]


def test_windows_pair_first_with_last_and_keep_one():
    values = np.random.default_rng(0).uniform(0.3, 0.9, 2000)
    found = list(Windows(length=8, edge=3).candidates(video(24), scripted(lambda a, b: values[61 * a + b])))
    assert len(found) == 2 * 9, "a window after which no frame comes is left out"
    for start in (0, 8):
        mine = [one for one in found if start <= one.view1 < start + 8]
        assert {one.view1 for one in mine} == {start, start + 1, start + 2}
        assert {one.view2 for one in mine} == {start + 4, start + 5, start + 6}
        in_range = [one.measurement.overlap for one in mine if 0.5 < one.measurement.overlap < 0.75]
        kept = [one.measurement.overlap for one in mine if one.measurement.verdict == "kept"]
        assert kept == ([min(in_range)] if in_range else [])


def test_a_stride_steps_through_the_frames():
    found = list(Stride(distance=5, advance=10).candidates(video(31), scripted(lambda a, b: 0.6)))
    assert [(one.view1, one.view2) for one in found] == [(0, 5), (10, 15), (20, 25)]
    assert len(list(Stride(5, 10).candidates(video(26), scripted(lambda a, b: 0.6)))) == 3
    assert len(list(Stride(5, 10).candidates(video(25), scripted(lambda a, b: 0.6)))) == 2


@pytest.mark.parametrize(("keep", "kept"), [("smallest", [(0, 2), (3, 4)]), ("all", [(0, 1), (0, 2), (3, 4)])])
def test_groups_measure_all_pairs_and_stay_apart(keep, kept):
    views = [ViewOf(number, group=number // 3) for number in range(5)]
    overlaps = {(0, 1): 0.7, (0, 2): 0.6, (1, 2): 0.9, (3, 4): 0.55}
    found = list(Groups(keep).candidates(views, scripted(lambda a, b: overlaps[a, b])))
    assert {(one.view1, one.view2) for one in found} == set(overlaps)
    assert [(one.view1, one.view2) for one in found if one.measurement.verdict == "kept"] == kept


ANY_RULE = st.one_of(
    st.builds(Neighbours, st.booleans()),
    st.integers(1, 4).flatmap(lambda edge: st.builds(Windows, st.integers(2 * edge + 1, 12), st.just(edge))),
    st.builds(Stride, st.integers(1, 6), st.integers(1, 12)),
    st.builds(Groups, st.sampled_from(["smallest", "all"])),
    st.builds(RandomWalk, st.integers(1, 5)),
)


@given(ANY_RULE, st.integers(0, 30), st.integers(1, 9), st.integers(0, 10_000))
def test_no_rule_measures_a_pair_twice_or_loses_one(rule, count, group, seed):
    values = np.random.default_rng(seed).uniform(0.3, 0.9, 1000)
    views = [ViewOf(number, number // group, "ABC"[number % 3]) for number in range(count)]
    asked = []

    def measure(one, two):
        asked.append((one, two))
        return scripted(lambda a, b: values[31 * a + b])(one, two)

    found = [(one.view1, one.view2) for one in rule.candidates(views, measure)]
    assert sorted(found) == sorted(asked), "every measured pair comes out once"
    assert len({frozenset(pair) for pair in found}) == len(found)
    assert all(one != two and {one, two} <= set(range(count)) for one, two in found)
    if isinstance(rule, Groups | RandomWalk):
        assert all(one // group == two // group for one, two in found)


def test_rules_come_from_config():
    assert rule_for("video", {}) == Neighbours()
    assert rule_for("scene", {"min_blur_variance": 3}) == RandomWalk(1)
    assert rule_for("sequence", {"rule": {"windows": {"edge": 5}}}) == Windows(60, 5)
    assert {type(rule_for(kind, {})) for kind in DEFAULTS} == {Neighbours, Groups, RandomWalk}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"rule": {"nearest": {}}}, "unknown rule 'nearest'"),
        ({"rule": {}}, "expected one rule, got 0"),
        ({"rule": {"stride": {}, "groups": {}}}, "expected one rule, got 2"),
        ({"rule": {"stride": {"distanse": 3}}}, "unknown key 'distanse'"),
        ({"rule": {"stride": {"distance": 0}}}, "distance is 0"),
        ({"rule": {"windows": {"length": 10, "edge": 5}}}, "a window of 10 frames is too short for 5 first"),
    ],
)
def test_a_wrong_rule_is_named(block, message):
    with pytest.raises(MimicError, match=message):
        rule_for("video", block)


def test_the_configs_schema_knows_every_rule_and_its_settings():
    schema = read_schema(REPOSITORY)["properties"]["sources"]["additionalProperties"]
    schema = schema["properties"]["pairs"]["properties"]["rule"]["properties"]
    known = {name: {field.name for field in dataclasses.fields(rule)} for name, rule in RULES.items()}
    assert {name: set(block["properties"]) for name, block in schema.items()} == known
