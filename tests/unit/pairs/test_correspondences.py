import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.pairs.correspondences import (
    NO_PATCH,
    correspondences,
    inverted,
    overlap,
    reachable,
    sample_points,
    target_patches,
)
from mimic_core.pairs.homography import usable
from mimic_core.pairs.settings import GRID, PATCHES


def shift(columns: int, rows: int) -> np.ndarray:
    return np.array([[1, 0, 16 * columns], [0, 1, 16 * rows], [0, 0, 1]], float)


def drawn(matrix: np.ndarray, seed: int = 0) -> np.ndarray:
    return correspondences(matrix, np.random.default_rng(seed), 100)


@given(st.integers(-13, 13), st.integers(-13, 13))
def test_a_shift_by_whole_patches_is_known_exactly(columns, rows):
    mapping = drawn(shift(columns, rows))
    for patch in range(PATCHES):
        row, column = divmod(patch, GRID)
        inside = 0 <= row + rows < GRID and 0 <= column + columns < GRID
        assert mapping[patch] == ((row + rows) * GRID + column + columns if inside else NO_PATCH)


def test_identical_views_overlap_fully():
    assert overlap(drawn(np.eye(3))) == 1.0


def test_a_zoomed_copy_is_rejected_by_the_one_to_one_rule():
    zoom = np.array([[2, 0, -112], [0, 2, -112], [0, 0, 1]], float)
    there, back = overlap(drawn(zoom)), overlap(drawn(np.linalg.inv(zoom)))
    assert max(there, back) < 0.5  # zooming out, four patches compete for one; zooming in, three quarters fall outside


@given(st.lists(st.floats(-0.3, 0.3), min_size=8, max_size=8), st.integers(0, 5))
def test_no_patch_is_given_away_twice(values, seed):
    a, b, c, d, e, f, g, h = values
    matrix = np.array([[1 + a, b, 200 * c], [d, 1 + e, 200 * f], [g / 224, h / 224, 1]])
    mapping = drawn(matrix, seed)
    taken = mapping[mapping != NO_PATCH]
    assert len(set(taken.tolist())) == len(taken)
    assert ((mapping >= NO_PATCH) & (mapping < PATCHES)).all()


@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8), st.integers(0, 5))
def test_patches_left_out_beforehand_have_every_point_outside(values, seed):
    a, b, c, d, e, f, g, h = values
    matrix = np.array([[1 + a, b, 400 * c], [d, 1 + e, 400 * f], [2 * g / 224, 2 * h / 224, 1]])
    targets = target_patches(matrix, sample_points(np.random.default_rng(seed), 256))
    left_out = np.setdiff1d(np.arange(PATCHES), reachable(matrix))
    assert (targets[left_out] == PATCHES).all()


def test_what_lies_outside_is_left_out_beforehand():
    beyond = np.array([[1, 0, 16 * 7 + 1], [0, 1, 0], [0, 0, 1]], float)
    assert reachable(beyond).tolist() == [patch for patch in range(PATCHES) if patch % GRID < 7]
    assert len(reachable(-np.eye(3))) == 0


def test_a_patchs_draw_does_not_depend_on_the_others():
    some = np.array([3, 70, 195])
    one, all_ = (sample_points(np.random.default_rng(1), 100, which) for which in (some, slice(None)))
    np.testing.assert_array_equal(one, all_[:, some])


@given(st.integers(0, 1000))
def test_inverting_twice_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    mapping = np.full(PATCHES, NO_PATCH, np.int16)
    chosen = rng.permutation(PATCHES)[:70]
    mapping[chosen] = rng.permutation(PATCHES)[:70]
    np.testing.assert_array_equal(inverted(inverted(mapping)), mapping)
    assert overlap(inverted(mapping)) == overlap(mapping)


def test_points_behind_the_camera_never_match():
    behind = -np.eye(3)  # the same mapping once divided, but w = -1 everywhere
    points = sample_points(np.random.default_rng(0), 100)
    assert (target_patches(behind, points) == PATCHES).all()
    assert overlap(drawn(behind)) == 0


def test_points_are_drawn_inside_their_patch():
    x, y, one = sample_points(np.random.default_rng(0), 400)
    assert (one == 1).all()
    patch = (y // 16 * GRID + x // 16).astype(int)
    np.testing.assert_array_equal(patch, np.repeat(np.arange(PATCHES)[:, None], 400, 1))
    assert {int(value) % 16 for value in x.ravel()} == set(range(16))


def test_degenerate_homographies_are_refused():
    assert usable(np.eye(3))
    assert not usable(np.zeros((3, 3)) + np.nan)
    assert not usable(np.array([[1, 2, 3], [2, 4, 6], [0, 0, 1.0]]))
    assert not usable(np.array([[np.inf, 0, 0], [0, 1, 0], [0, 0, 1.0]]))
