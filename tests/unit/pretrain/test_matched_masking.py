"""Masks by the mined correspondences."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mimic_core.kit.errors import MimicError
from mimic_core.models.masking import kept_patches
from mimic_core.objectives import get_objective
from mimic_core.objectives.croco.matched import coverage, matched_noise, matched_patches
from mimic_core.objectives.croco.objective import CroCoObjective, CroCoOptions
from mimic_core.pretrain.settings import PretrainSettings

PATCHES = 49
UNITS = st.floats(0, 1, exclude_max=True, width=32)


def hidden_patches(noise, mask_ratio):
    """As the model hides them."""
    ranks = np.argsort(np.argsort(noise, axis=1, kind="stable"), axis=1)
    return ranks >= kept_patches(noise.shape[1], mask_ratio)


def rows_of(*mappings):
    return pd.DataFrame({"correspondences": [np.asarray(mapping, np.int16) for mapping in mappings]})


@given(
    arrays(np.float32, (3, PATCHES), elements=UNITS),
    arrays(bool, (3, PATCHES)),
    st.floats(0.05, 0.95),
    st.floats(0, 1),
)
def test_as_many_matched_patches_are_hidden_as_asked_where_there_are_enough(noise, matched, mask_ratio, share):
    changed = matched_noise(noise, matched, mask_ratio, share)
    assert changed.dtype == noise.dtype
    assert 0 <= changed.min() <= changed.max() <= 1
    hidden = hidden_patches(changed, mask_ratio)
    count = PATCHES - kept_patches(PATCHES, mask_ratio)
    assert (hidden.sum(axis=1) == count).all()
    for hides, matches in zip(hidden, matched, strict=True):
        wanted = min(round(share * count), matches.sum())
        others = min(count - wanted, (~matches).sum())
        assert (hides & matches).sum() == count - others
        assert (hides & ~matches).sum() == others


@given(arrays(np.float32, (2, PATCHES), elements=UNITS, unique=True), arrays(bool, (2, PATCHES)), st.floats(0, 1))
def test_of_either_group_the_patches_of_the_largest_noise_are_hidden(noise, matched, share):
    hidden = hidden_patches(matched_noise(noise, matched, 0.9, share), 0.9)
    for values, hides, matches in zip(noise, hidden, matched, strict=True):
        for group in (matches, ~matches):
            seen, unseen = values[group & ~hides], values[group & hides]
            assert not len(seen) or not len(unseen) or seen.max() < unseen.min()


def test_within_a_group_all_patches_are_hidden_equally_often():
    matched = np.tile(np.arange(PATCHES) % 3 == 0, (20000, 1))
    noise = np.random.default_rng(0).random((20000, PATCHES), dtype=np.float32)
    often = hidden_patches(matched_noise(noise, matched, 0.5, 0.2), 0.5).mean(axis=0)
    count = PATCHES - kept_patches(PATCHES, 0.5)
    np.testing.assert_allclose(often[::3], round(0.2 * count) / 17, atol=0.02)
    np.testing.assert_allclose(np.delete(often, np.s_[::3]), (count - round(0.2 * count)) / 32, atol=0.02)


def test_none_leaves_the_draws_as_they_are():
    noise = np.random.default_rng(0).random((3, PATCHES), dtype=np.float32)
    assert matched_noise(noise, noise > 0.5, 0.9, None) is noise
    croco = get_objective("croco")
    draws = croco.draws(np.random.default_rng(0), 3, PATCHES)
    assert croco.adapt(draws, pd.DataFrame({"key": list("abc")})) is draws


def test_correspondences_are_read_from_either_view():
    mapping = np.full(196, -1)
    mapping[[0, 5, 17]] = [100, 3, 195]
    matched = matched_patches(rows_of(mapping, mapping), np.array([0, 1]), 14)
    assert np.flatnonzero(matched[0]).tolist() == [0, 5, 17]
    assert np.flatnonzero(matched[1]).tolist() == [3, 100, 195]


def test_a_coarse_patch_is_matched_where_half_of_it_is():
    fine = np.full((14, 14), -1)
    fine[0, 0] = 1  # one of four
    fine[0, 2:4] = 2  # two of four
    fine[4:6, 6:8] = 3
    (matched,) = matched_patches(rows_of(fine.ravel()), np.array([0]), 7)
    assert np.flatnonzero(matched).tolist() == [1, 2 * 7 + 3]


@given(st.integers(1, 30), st.integers(1, 30))
def test_coverage_adds_up(grid, fine):
    shares = coverage(grid, fine)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares.sum(axis=0), grid / fine)


@pytest.mark.parametrize("grid", [2, 4, 7, 14, 16, 28])
def test_all_and_nothing_stay_so_on_any_grid(grid):
    matched = matched_patches(rows_of(np.arange(196), np.full(196, -1)), np.array([0, 1]), grid)
    assert matched[0].all()
    assert not matched[1].any()


def test_the_objective_hides_matched_patches_of_the_view_that_is_painted():
    settings = PretrainSettings.from_dict(
        {"model": "croco", "dataset": "x", "image_size": 112, "options": {"matched_share": 1.0}, "mask_ratio": 0.5}
    )
    croco = get_objective("croco").configured(settings)
    left = np.where(np.arange(196) % 14 < 8, np.arange(196) + 6, -1)  # view 1's left is view 2's right
    draws = croco.draws(np.random.default_rng(0), 20, PATCHES)
    changed = croco.adapt(draws, rows_of(*[left] * 20))
    assert changed["first"] is draws["first"]
    hidden = hidden_patches(changed["noise"], 0.5).reshape(-1, 7, 7)
    for view, hides in zip(draws["first"], hidden, strict=True):
        matched = hides[:, :4] if view == 0 else hides[:, 3:]
        assert matched.sum() == hides.sum() == 25
    parts = [croco.adapt({k: v[i : i + 5] for k, v in draws.items()}, rows_of(*[left] * 5)) for i in range(0, 20, 5)]
    assert np.array_equal(np.concatenate([part["noise"] for part in parts]), changed["noise"])
    fixed = croco.fixed_draws(np.random.default_rng(1), 3, PATCHES)
    assert np.array_equal(fixed["noise"], CroCoObjective().fixed_draws(np.random.default_rng(1), 3, PATCHES)["noise"])


def test_a_dataset_without_correspondences_is_refused():
    croco = CroCoObjective(options=CroCoOptions(matched_share=0.5))
    with pytest.raises(MimicError, match="no patch correspondences"):
        croco.adapt(croco.draws(np.random.default_rng(0), 1, PATCHES), pd.DataFrame({"key": ["a"]}))
