"""Laws of the mining, on a real photo where there is one."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import REAL_DATA

from mimic_core.frames.images import read_image
from mimic_core.pairs import detect, measure
from mimic_core.pairs.correspondences import NO_PATCH, correspondences, inverted, overlap
from mimic_core.pairs.measurement import overlap_of
from mimic_core.pairs.settings import GRID

FEW = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def photo(textured) -> np.ndarray:
    """A real photo of a building, 448x448; a drawn picture where the photo is not on this machine."""
    files = sorted((REAL_DATA / "street_view").glob("*.jpg"))
    picture = read_image(files[0]) if files else textured
    return cv2.resize(picture, (448, 448), interpolation=cv2.INTER_AREA)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def view_of(photo: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The 224x224 view under ``matrix`` (photo pixels -> view pixels)."""
    return cv2.warpPerspective(photo, matrix, (224, 224), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


CENTRAL = np.array([[1, 0, -112], [0, 1, -112], [0, 0, 1]], float)  # the middle of the photo
SMALL = st.floats(-1, 1)
WARPS = st.builds(
    lambda a, b, c, d, e, f, g, h: np.array(
        [
            [1 + 0.12 * a, 0.12 * b, 60 * e],
            [0.12 * c, 1 + 0.12 * d, 60 * f],
            [4e-4 * g, 4e-4 * h, 1],
        ]
    ),
    *[SMALL] * 8,
)


@FEW
@given(WARPS)
def test_a_known_warp_of_a_photo_gives_the_known_correspondences(photo, warp):
    result = measure(detect(view_of(photo, CENTRAL)), detect(view_of(photo, warp @ CENTRAL)), rng=rng())
    assert result.homography is not None
    points = np.array([[112, 112, 1], [60, 60, 1], [160, 60, 1], [60, 160, 1], [160, 160, 1]], float).T
    expected, found = warp @ points, result.homography @ points
    np.testing.assert_allclose(found[:2] / found[2], expected[:2] / expected[2], atol=2.0)
    truth = overlap_of(warp, 0, 0, rng())
    assert result.overlap == pytest.approx(truth.overlap, abs=0.08)
    both = (result.correspondences != NO_PATCH) & (truth.correspondences != NO_PATCH)
    apart = [np.stack(np.divmod(one.correspondences[both].astype(int), GRID)) for one in (result, truth)]
    assert (np.abs(apart[0] - apart[1]).max(axis=0) <= 1).mean() > 0.97


@FEW
@given(WARPS, st.integers(0, 100))
def test_inverting_swaps_the_directions_overlaps(warp, seed):
    there, back = (overlap_of(one, 0, 0, np.random.default_rng(seed)) for one in (warp, np.linalg.inv(warp)))
    assert there.overlap_12 == pytest.approx(back.overlap_21, abs=0.06)
    assert there.overlap_21 == pytest.approx(back.overlap_12, abs=0.06)


@FEW
@given(st.floats(2.0, 2.6))
def test_a_zoomed_copy_is_rejected(photo, zoom):
    middle = np.array([[1, 0, 112], [0, 1, 112], [0, 0, 1]], float)
    enlarged = middle @ np.diag([zoom, zoom, 1]) @ np.linalg.inv(middle) @ CENTRAL
    result = measure(detect(view_of(photo, CENTRAL)), detect(view_of(photo, enlarged)), rng=rng())
    assert result.verdict in ("low_overlap", "few_matches")


def test_identical_views_overlap_fully(photo):
    view = detect(view_of(photo, CENTRAL))
    assert measure(view, view, rng=rng()).overlap > 0.97


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.integers(0, 50))
def test_points_behind_the_camera_never_match(values, seed):
    """Every patch all of whose pixels have w <= 0 has no correspondence."""
    matrix = np.array([[1, 0, 0], [0, 1, 0], [values[0] / 100, values[1] / 100, values[2]]])
    mapping = correspondences(matrix, np.random.default_rng(seed), 100)
    y, x = np.mgrid[:224, :224]
    w = (matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]).reshape(GRID, 16, GRID, 16).swapaxes(1, 2).reshape(196, -1)
    assert (mapping[(w <= 0).all(axis=1)] == NO_PATCH).all()
    assert overlap(inverted(mapping)) == overlap(mapping)
