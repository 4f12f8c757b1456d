import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.pairs.features import Features, detect
from mimic_core.pairs.matching import SLACK, match, search


def features_of(descriptors: np.ndarray) -> Features:
    return Features(
        np.zeros((len(descriptors), 2), np.float32), descriptors, np.einsum("nd,nd->n", descriptors, descriptors)
    )


@pytest.mark.parametrize("seed", range(5))
def test_equals_opencv_brute_force(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (150, 128)).astype(np.float32)
    noise = rng.integers(-60, 61, (150, 128))
    second = np.clip(np.vstack([first + noise, rng.integers(0, 256, (80, 128))]), 0, 255).astype(np.float32)
    expected = [
        (near.queryIdx, near.trainIdx)
        for near, far in cv2.BFMatcher(cv2.NORM_L2).knnMatch(first, second, k=2)
        if near.distance < 0.7 * far.distance
    ]
    rows1, rows2 = match(features_of(first), features_of(second), 0.7)
    assert list(zip(rows1.tolist(), rows2.tolist(), strict=True)) == expected
    assert expected


@pytest.mark.parametrize("ratio", [0.5, 0.7, 0.8, 0.95, 1.0])
def test_bounds_and_exhaustive_search_agree_on_views(textured, ratio):
    """Real SIFT descriptors, where most matches are decided by their bounds."""
    views = [
        np.ascontiguousarray(textured[top : top + 224, left : left + 224])
        for top, left in ((0, 0), (40, 90), (300, 500))
    ]
    features = [detect(view) for view in views]
    for first in features:
        for second in features:
            every = np.arange(len(first))
            nearest, passes = search(first, every, second, ratio)
            rows1, rows2 = match(first, second, ratio)
            np.testing.assert_array_equal(rows1, every[passes])
            np.testing.assert_array_equal(rows2, nearest[passes])


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 40), st.floats(0.3, 1.0))
def test_bounds_and_exhaustive_search_agree_on_anything(seed, count, noise, ratio):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (count, 128))
    second = np.clip(np.repeat(first, 2, axis=0) + rng.integers(-noise, noise + 1, (2 * count, 128)), 0, 255)
    one, two = features_of(first.astype(np.float32)), features_of(second.astype(np.float32))
    nearest, passes = search(one, np.arange(count), two, ratio)
    rows1, rows2 = match(one, two, ratio)
    np.testing.assert_array_equal(rows1, np.flatnonzero(passes))
    np.testing.assert_array_equal(rows2, nearest[passes])


def test_bounds_lie_below_the_distances(textured):
    first, second = (detect(np.ascontiguousarray(textured[top : top + 224, :224])) for top in (0, 120))
    bounds = 2 * (first.reduced.half[:, None] - first.reduced.queries @ second.reduced.keys.T)
    true = ((first.descriptors[:, None] - second.descriptors) ** 2).sum(axis=2)
    slack = SLACK * (first.reduced.half + second.reduced.half.max())
    assert (bounds - slack[:, None] <= true).all()


@pytest.mark.parametrize("counts", [(0, 5), (5, 0), (5, 1), (0, 0)])
def test_too_few_keypoints_match_nothing(counts):
    first, second = (features_of(np.ones((count, 128), np.float32)) for count in counts)
    rows1, rows2 = match(first, second, 0.7)
    assert len(rows1) == len(rows2) == 0


def test_a_bare_image_has_no_keypoints():
    features = detect(np.full((224, 224, 3), 90, np.uint8))
    assert len(features) == 0
    assert features.points.shape == (0, 2)
    assert features.descriptors.shape == (0, 128)


@pytest.mark.parametrize("image", [np.zeros((224, 224), np.uint8), np.zeros((224, 224, 3), np.float32)])
def test_refuses_what_is_no_rgb_image(image):
    with pytest.raises(ValueError, match="HxWx3 uint8"):
        detect(image)
