"""The random walk on a simulator that only keeps a record."""

import numpy as np
import pytest

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators import Rendering, Simulator, WalkSettings, WalkView, walk_views
from mimic_core.simulators.walk import FIRST_TURNS, SECOND_TURNS

SAMPLES = 60
AS_RELEASED = WalkSettings()


class OpenField(Simulator):
    """An endless plain; every pixel of a view holds the number of the render."""

    def __init__(self, radius: float = 9.0) -> None:
        self.radius, self.renders = radius, 0

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        self.renders += 1
        rgb = np.full((4, 4, 3), self.renders, np.uint8)
        return Rendering(rgb, np.ones((4, 4), np.float32), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint32))

    def random_navigable_point(self, rng: np.random.Generator) -> np.ndarray:
        return np.array([rng.uniform(-5, 5), 0.0, rng.uniform(-5, 5)])

    def island_radius(self, point: np.ndarray) -> float:
        return self.radius

    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        return point + displacement

    def close(self) -> None:
        pass


def sample(number: int, walk: WalkSettings = AS_RELEASED) -> list[WalkView]:
    return walk_views(OpenField(), walk, seed=3, scene="scene", number=number)


@pytest.fixture(scope="module")
def samples() -> list[list[WalkView]]:
    return [sample(number) for number in range(SAMPLES)]


def turns(views: list[WalkView]) -> tuple[float, float]:
    first, second, third = (next(view.yaw for view in views if view.station == name) for name in "ABC")
    return (second - first) % 360, (third - second) % 360


def test_three_stations_of_eight_views_at_45_degrees(samples: list[list[WalkView]]) -> None:
    for views in samples:
        assert [(view.station, view.index) for view in views] == [(name, k) for name in "ABC" for k in range(8)]
        yaws = np.array([view.yaw for view in views]).reshape(3, 8)
        np.testing.assert_allclose((yaws - yaws[:, :1]) % 360, np.tile(np.arange(8) * 45.0, (3, 1)), atol=1e-9)
        assert (yaws >= 0).all() and (yaws < 360).all()


def test_turns_are_multiples_of_60_and_never_back(samples: list[list[WalkView]]) -> None:
    first, second = zip(*(turns(views) for views in samples), strict=True)
    assert {round(turn) for turn in first} == set(FIRST_TURNS) == {60, 120, 240, 300}
    assert {round(turn) for turn in second} == set(SECOND_TURNS) == {0, 60, 120, 240, 300}


def test_moves_go_forward_half_a_metre_to_a_metre(samples: list[list[WalkView]]) -> None:
    for views in samples:
        places = [views[k].position for k in (0, 8, 16)]
        for k in (1, 2):
            move, yaw = places[k] - places[k - 1], np.radians(views[8 * k].yaw)
            length = np.linalg.norm(move)
            assert 0.5 <= length <= 1.0
            np.testing.assert_allclose(move / length, (-np.sin(yaw), 0, -np.cos(yaw)), atol=1e-9)


def test_the_camera_keeps_its_height(samples: list[list[WalkView]]) -> None:
    heights = np.array([[view.position[1] for view in views] for views in samples])
    assert (np.ptp(heights, axis=1) == 0).all()
    assert 1.2 <= heights.min() < 1.3 and 1.7 < heights.max() <= 1.8


def test_a_sample_depends_on_seed_scene_and_number_alone(samples: list[list[WalkView]]) -> None:
    again = sample(7)  # on a simulator that has rendered nothing before
    for old, new in zip(samples[7], again, strict=True):
        assert old.yaw == new.yaw and (old.position == new.position).all()
    assert samples[7][0].yaw != samples[8][0].yaw
    other = walk_views(OpenField(), WalkSettings(), seed=3, scene="other", number=7)
    assert other[0].yaw != again[0].yaw


def test_settings_change_the_walk() -> None:
    walk = WalkSettings(views=4, move=(2.0, 2.0), sensor_height=(1.0, 1.0))
    views = sample(0, walk)
    assert len(views) == 12 and views[0].position[1] == 1.0
    assert np.linalg.norm(views[4].position - views[0].position) == pytest.approx(2.0)


def test_small_islands_are_refused() -> None:
    with pytest.raises(UnreadableError, match="6 m") as caught:
        walk_views(OpenField(radius=5.9), WalkSettings(), seed=0, scene="attic", number=0)
    assert caught.value.where == "attic" and "minimal_island_radius" in caught.value.remedy
