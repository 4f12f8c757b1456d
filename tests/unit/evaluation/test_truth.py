import numpy as np
import pytest

from mimic_core.evaluation.truth import Shot, covisibility, patches_of, true_patches, true_positions
from mimic_core.simulators import camera_pose

FOCAL = 128.0


def wall(position, yaw=0.0, depth=2.0, focal=FOCAL, instances=1) -> Shot:
    """A camera that looks along -z at a wall parallel to its picture, ``depth`` metres away."""
    return Shot(
        np.zeros((224, 224, 3), np.uint8),
        np.full((224, 224), depth, np.float32),
        np.full((224, 224), instances, np.uint32),
        camera_pose(position, yaw),
        focal,
    )


def test_a_step_aside_shifts_by_focal_times_step_over_depth():
    there = true_positions(wall((0, 0, 0)), wall((0.5, 0, 0)))
    y, x = np.mgrid[:224, :224]
    seen = np.isfinite(there[..., 0])
    np.testing.assert_allclose(there[seen], np.stack([x - 32, y], -1)[seen], atol=1e-9)
    np.testing.assert_array_equal(seen, x >= 32)
    assert covisibility(there) == pytest.approx(192 / 224)


def test_a_step_up_moves_the_picture_down():
    there = true_positions(wall((0, 0, 0)), wall((0, 0.25, 0)))
    np.testing.assert_allclose(there[100, 100], (100, 116), atol=1e-9)


def test_a_turn_on_the_spot_does_not_depend_on_depth():
    expected = 111.5 + FOCAL * np.tan(np.radians(10))
    for depth in (2.0, 5.0):
        turned = plane_seen_from(wall((0, 0, 0), yaw=10), depth)
        there = true_positions(wall((0, 0, 0), depth=depth), turned)
        assert there[111, 111, 0] == pytest.approx(expected, abs=1.0)


def plane_seen_from(shot: Shot, depth: float) -> Shot:
    """The depth a turned camera sees of the wall at z = -depth."""
    y, x = np.mgrid[:224, :224]
    rays = np.stack([(x - 111.5) / FOCAL, -(y - 111.5) / FOCAL, -np.ones_like(x)], -1) @ shot.pose[:3, :3].T
    return Shot(shot.image, (depth / -rays[..., 2]).astype(np.float32), shot.instances, shot.pose, shot.focal)


def test_what_another_surface_hides_is_not_seen():
    second = wall((0.5, 0, 0))
    second.depth[:, :112] = 1.0  # something nearer
    there = true_positions(wall((0, 0, 0)), second)
    assert np.isnan(there[100, 60, 0])
    assert np.isfinite(there[100, 200, 0])


def test_an_object_that_moved_is_found_where_it_went():
    first = wall((0, 0, 0))
    first.instances[80:120, 80:120] = 7
    there = true_positions(first, wall((0, 0, 0)), {7: np.array([0.25, 0.0, 0.0])})
    np.testing.assert_allclose(there[100, 100], (116, 100), atol=1e-9)
    np.testing.assert_allclose(there[10, 10], (10, 10), atol=1e-9)


def test_nothing_is_seen_of_nothing():
    empty = wall((0, 0, 0), depth=0.0)
    assert covisibility(true_positions(empty, wall((0, 0, 0)))) == 0


def test_patches_follow_the_pixels():
    there = true_positions(wall((0, 0, 0)), wall((0.5, 0, 0)))
    target = true_patches(there)
    for patch in range(196):
        row, column = divmod(patch, 14)
        assert target[patch] == (row * 14 + column - 2 if column >= 2 else -1)
    assert patches_of(there).shape == (196, 256, 2)


def test_a_longer_lens_magnifies_around_the_centre():
    there = true_positions(wall((0, 0, 0)), wall((0, 0, 0), focal=2 * FOCAL))
    np.testing.assert_allclose(there[111, 120] - 111.5, 2 * np.array([8.5, -0.5]), atol=1e-9)
