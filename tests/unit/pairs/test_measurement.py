import cv2
import numpy as np
import pytest

from mimic_core.pairs import MiningSettings, detect, measure
from mimic_core.pairs.correspondences import NO_PATCH


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def warped(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The 224x224 view of ``picture`` under ``matrix`` (picture pixels -> view pixels)."""
    return cv2.warpPerspective(picture, matrix, (224, 224), flags=cv2.INTER_AREA)


BASE = np.array([[1, 0, -300], [0, 1, -180], [0, 0, 1]], float)


def test_a_known_warp_gives_its_homography_and_overlap(textured):
    relative = np.array([[1.05, 0.05, -60], [-0.03, 0.98, 12], [1e-4, 0, 1]])
    first, second = warped(textured, BASE), warped(textured, relative @ BASE)
    result = measure(detect(first), detect(second), rng=rng())
    points = np.array([[60, 20, 1], [200, 20, 1], [60, 200, 1], [200, 200, 1]], float).T
    expected, found = relative @ points, result.homography @ points
    np.testing.assert_allclose(found[:2] / found[2], expected[:2] / expected[2], atol=1.0)
    assert result.verdict == "kept"
    assert 0.5 < result.overlap < 0.75
    assert result.overlap == min(result.overlap_12, result.overlap_21)
    assert (result.correspondences != NO_PATCH).mean() == pytest.approx(result.overlap)


def test_the_same_view_twice_overlaps_too_much(textured):
    view = detect(warped(textured, BASE))
    result = measure(view, view, rng=rng())
    assert result.verdict == "high_overlap"
    assert result.overlap > 0.98


def test_swapping_the_views_swaps_the_directions(textured):
    relative = np.array([[1, 0, -70], [0, 1, 0], [0, 0, 1]], float)
    first, second = detect(warped(textured, BASE)), detect(warped(textured, relative @ BASE))
    there, back = measure(first, second, rng=rng()), measure(second, first, rng=rng())
    assert there.overlap_12 == pytest.approx(back.overlap_21, abs=0.05)
    assert there.overlap_21 == pytest.approx(back.overlap_12, abs=0.05)


def test_unrelated_views_have_few_matches(textured):
    result = measure(detect(textured[:224, :224]), detect(textured[300:524, 600:824]), rng=rng())
    assert result.verdict == "few_matches"
    assert result.homography is None
    assert result.correspondences is None


def test_the_bounds_are_strict(textured):
    relative = np.array([[1, 0, -70], [0, 1, 0], [0, 0, 1]], float)
    first, second = detect(warped(textured, BASE)), detect(warped(textured, relative @ BASE))
    overlap = measure(first, second, rng=rng()).overlap
    low = MiningSettings(min_overlap=overlap, max_overlap=1)
    high = MiningSettings(min_overlap=0, max_overlap=overlap)
    assert measure(first, second, rng=rng(), settings=low).verdict == "low_overlap"
    assert measure(first, second, rng=rng(), settings=high).verdict == "high_overlap"
