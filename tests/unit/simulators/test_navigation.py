"""The walkable grid of a room that is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.simulators.known_room import DEPTH, DOORWAY, WIDTH, MakeScene, room

from mimic_core.simulators.navigation import WalkableGrid
from mimic_core.simulators.scene import load_scene


@pytest.fixture(scope="module")
def grid(room_glb: bytes) -> WalkableGrid:
    scene = load_scene(room_glb)
    return WalkableGrid(scene.vertices, scene.faces, name=scene.name)


def test_floor_and_area(grid: WalkableGrid) -> None:
    assert grid.floor == pytest.approx(0.0, abs=grid.walker.cell)
    keep = grid.walker.radius
    free = (WIDTH - 2 * keep) * (DEPTH - 2 * keep)
    taken = (0.1 + 2 * keep) * (DEPTH - 1.0) + (0.8 + 2 * keep) * (0.6 + 2 * keep)
    assert len(grid.cells) * grid.walker.cell**2 == pytest.approx(free - taken, rel=0.05)


def test_under_the_table_is_no_place_but_the_step_is(grid: WalkableGrid) -> None:
    assert not grid.island_at(np.array([1.0, 0, 1.0]))
    assert grid.island_at(np.array([5.0, 0, 3.0]))
    assert not grid.island_at(np.array([-3.0, 0, 1.0])) and grid.island_radius(np.array([99.0, 0, 99.0])) == 0


def test_rooms_are_one_island_through_the_doorway(grid: WalkableGrid) -> None:
    west, east = np.array([1.5, 0, 3.5]), np.array([4.0, 0, 0.5])
    assert grid.island_at(west) == grid.island_at(east) != 0
    # the largest distance from the centre of a 6 x 4 room is about half its diagonal
    assert grid.island_radius(west) == pytest.approx(np.hypot(WIDTH, DEPTH) / 2, abs=0.4)


def test_a_closed_wall_makes_two_islands(make_scene: MakeScene) -> None:
    closed = [piece for piece in room() if "wall" not in piece.name]
    wall = next(piece for piece in room() if piece.name == "wall")
    stretch = np.diag([1.0, 1.0, DEPTH / DOORWAY[0]])
    scene = load_scene(make_scene([*closed, wall.moved(stretch, (0, 0, 0))]))
    grid = WalkableGrid(scene.vertices, scene.faces)
    west, east = np.array([1.5, 0, 3.5]), np.array([4.0, 0, 0.5])
    assert 0 != grid.island_at(west) != grid.island_at(east) != 0
    assert grid.island_radius(west) < np.hypot(3, DEPTH) / 2 + 0.2


def test_a_wall_stops_and_a_slanted_move_slides(grid: WalkableGrid) -> None:
    start = np.array([2.0, 0.0, 0.7])
    ahead = grid.try_step(start, np.array([2.0, 0, 0]))
    assert 2.7 < ahead[0] < 2.95 and ahead[2] == start[2]
    slid = grid.try_step(start, np.array([2.0, 0, 0.5]))
    assert 2.7 < slid[0] < 2.95 and slid[2] == pytest.approx(1.2, abs=0.05)


def test_a_free_move_arrives(grid: WalkableGrid) -> None:
    np.testing.assert_allclose(grid.try_step(np.array([4.0, 0, 1.0]), np.array([0.5, 0, 0.6])), (4.5, 0, 1.6))
    off_the_grid = np.array([1.0, 0, 1.0])
    np.testing.assert_array_equal(grid.try_step(off_the_grid, np.array([1.0, 0, 0])), off_the_grid)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_moves_never_leave_the_island(grid: WalkableGrid, seed: int) -> None:
    rng = np.random.default_rng(seed)
    point = grid.random_point(rng)
    island = grid.island_at(point)
    assert island
    for _ in range(8):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, 3)
        moved = grid.try_step(point, length * np.array([np.sin(angle), 0, np.cos(angle)]))
        assert grid.island_at(moved) == island
        assert np.linalg.norm(moved - point) <= length + 1e-9
        point = moved
