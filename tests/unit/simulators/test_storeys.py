"""Walking over several storeys and ramps, islands, and scenes that cannot be walked in."""

import numpy as np
import pytest
from unit.simulators.known_room import PAINT, MakeScene, room

from mimic_core.kit.errors import UnreadableError
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.build.shapes import Piece, quad
from mimic_core.simulators.navigation import WalkableGrid
from mimic_core.simulators.scene import load_scene

UPPER = 2.4  # metres: height of the upper floor


def grid_of(glb: bytes) -> WalkableGrid:
    scene = load_scene(glb)
    return WalkableGrid(scene.vertices, scene.faces, name=scene.name)


def level(x: float, end: float, y: float, depth: float = 3.0) -> Piece:
    """A floor from ``x`` to ``end`` at height ``y``."""
    return Piece(f"floor {x}").box(((x + end) / 2, y - 0.1, depth / 2), (end - x, 0.1, depth), PAINT)


def ramp() -> Piece:
    """A slope from x = 5 to x = 9, up to the upper floor."""
    return Piece("ramp", (quad((5, 0, 0), (4, UPPER, 0), (0, 0, 3), PAINT),))


def stairs(count: int = 16) -> list[Piece]:
    """Steps of 15 cm from x = 5 to x = 9."""
    rise, run = UPPER / count, 4.0 / count
    sizes = [(k, rise * (k + 1)) for k in range(count)]
    return [Piece(f"step {k}").box((5 + (k + 0.5) * run, 0, 1.5), (run, top, 3.0), PAINT) for k, top in sizes]


@pytest.fixture(scope="module", params=["ramp", "stairs"])
def house(request: pytest.FixtureRequest, make_scene: MakeScene) -> WalkableGrid:
    """A floor of 15 square metres, a way up, and an upper floor of 12."""
    way = [ramp()] if request.param == "ramp" else stairs()
    return grid_of(make_scene([level(0, 5, 0.0), level(9, 13, UPPER), *way]))


def test_the_way_up_joins_the_storeys(house: WalkableGrid) -> None:
    below, above = np.array([1.0, 0.0, 1.5]), np.array([12.0, UPPER, 1.5])
    assert house.island_at(below) == house.island_at(above) != 0
    assert house.island_radius(below) == pytest.approx(6.5, abs=0.7)
    assert not house.island_at(np.array([12.0, 0.0, 1.5])), "below the upper floor there is none"


def test_a_step_follows_the_floor_up_and_down(house: WalkableGrid) -> None:
    up = house.try_step(np.array([1.0, 0.0, 1.5]), np.array([11.0, 0, 0]))
    np.testing.assert_allclose(up, (12.0, UPPER, 1.5), atol=house.walker.cell)
    middle = house.try_step(np.array([1.0, 0.0, 1.5]), np.array([6.0, 0, 0]))
    assert middle[1] == pytest.approx(UPPER / 2, abs=0.2)
    down = house.try_step(up, np.array([-11.0, 0, 0]))
    np.testing.assert_allclose(down, (1.0, 0.0, 1.5), atol=house.walker.cell)


def test_random_points_are_uniform_over_the_area(house: WalkableGrid) -> None:
    rng = np.random.default_rng(0)
    points = np.array([house.random_point(rng) for _ in range(3000)])
    assert all(house.island_at(point) for point in points)
    assert (points[:, 0] < 5).mean() == pytest.approx(4.9 / 12.8, abs=0.04)
    assert (points[:, 0] > 9).mean() == pytest.approx(3.9 / 12.8, abs=0.04)
    assert np.ptp(points[points[:, 0] > 9.1][:, 1]) < 0.1 and points[:, 1].max() > UPPER - 0.1


def test_storeys_above_one_another_are_two_islands(make_scene: MakeScene) -> None:
    grid = grid_of(make_scene([level(0, 5, 0.0), level(0, 4, UPPER)]))
    below, above = np.array([1.0, 0.0, 1.5]), np.array([1.0, UPPER, 1.5])
    assert 0 != grid.island_at(below) != grid.island_at(above) != 0
    assert grid.island_radius(below) > grid.island_radius(above) > 1.5
    for start in (below, above):
        moved = grid.try_step(start, np.array([2.0, 0, 0.5]))
        assert moved[1] == pytest.approx(start[1], abs=grid.walker.cell) and moved[0] > 2.9
    assert grid.try_step(above, np.array([9.0, 0, 0]))[0] < 4.0, "nobody falls over the edge"


def test_a_steep_slope_is_no_way(make_scene: MakeScene) -> None:
    steep = Piece("steep", (quad((5, 0, 0), (1, UPPER, 0), (0, 0, 3), PAINT),))
    grid = grid_of(make_scene([level(0, 5, 0.0), level(6, 10, UPPER), steep]))
    assert 0 != grid.island_at(np.array([1.0, 0, 1.5])) != grid.island_at(np.array([8.0, UPPER, 1.5])) != 0


def test_furniture_is_no_storey(room_glb: bytes) -> None:
    assert grid_of(room_glb).layers is None
    grid = grid_of(flat_glb("flat000", {"seed": 0}))
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    cells = np.argwhere(grid.islands > 0)
    assert grid.layers is None and {grid.random_point(rng)[1] for _ in range(50)} == {grid.floor}
    expected = grid.low[[0, 2]] + (cells[again.integers(len(cells))] + again.uniform(0.01, 0.99, 2)) * 0.05
    np.testing.assert_array_equal(grid.random_point(np.random.default_rng(3))[[0, 2]], expected)


@pytest.mark.parametrize("scale", [100.0, 1000.0])
def test_centimetres_are_suspected(make_scene: MakeScene, scale: float) -> None:
    glb = make_scene([piece.moved(np.eye(3) * scale, (0, 0, 0)) for piece in room()])
    with pytest.raises(UnreadableError, match="its unit may be centimetres") as caught:
        grid_of(glb)
    assert f"{6 * scale:.3g} x {2.5 * scale:.3g} x {4 * scale:.3g} m" in str(caught.value)


def test_a_tiny_scene_has_no_place_to_walk_and_its_size_is_told(make_scene: MakeScene) -> None:
    with pytest.raises(UnreadableError, match=r"0\.06 x 0\.025 x 0\.04 m"):
        grid_of(make_scene([piece.moved(np.eye(3) * 0.01, (0, 0, 0)) for piece in room()]))


def test_a_scene_without_geometry_is_refused(make_scene: MakeScene) -> None:
    with pytest.raises(UnreadableError):
        grid_of(make_scene([]))
