"""Floor plans, many of them."""

import itertools

import numpy as np
import pytest

from mimic_core.sampledata.build.floor_plan import WALL, Plan, Room, draw_plan


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [draw_plan(np.random.default_rng(seed)) for seed in range(60)]


def overlap(a: Room, b: Room) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.z0 < b.z1 and b.z0 < a.z1


def test_sizes_are_those_of_flats(plans: list[Plan]) -> None:
    for plan in plans:
        assert 30 < sum(room.area for room in plan.rooms) < 110
        assert 2.4 <= plan.ceiling <= 3.0
        assert min(min(room.x1 - room.x0, room.z1 - room.z0) for room in plan.rooms) > 2.0
        assert not any(overlap(a, b) for a, b in itertools.combinations(plan.rooms, 2))


def test_plans_differ_in_more_than_size(plans: list[Plan]) -> None:
    counts = {len(plan.rooms) for plan in plans}
    assert len(counts) >= 4
    kinds = {tuple(sorted(room.kind for room in plan.rooms)) for plan in plans}
    assert len(kinds) >= 15
    areas = [sum(room.area for room in plan.rooms) for plan in plans]
    assert np.std(areas) > 12
    l_shaped = [plan for plan in plans if bounding_area(plan) > 1.15 * sum(room.area for room in plan.rooms)]
    assert 0 < len(l_shaped) < len(plans)


def bounding_area(plan: Plan) -> float:
    low = np.min([(room.x0, room.z0) for room in plan.rooms], axis=0)
    high = np.max([(room.x1, room.z1) for room in plan.rooms], axis=0)
    return float(np.prod(high - low))


def test_every_room_can_be_reached(plans: list[Plan]) -> None:
    for plan in plans:
        reached, front = {0}, {0}
        while front:
            front = {o.other for o in plan.openings if o.is_door and o.room in front} - reached
            reached |= front
        assert reached == {room.number for room in plan.rooms}


def test_a_door_is_the_same_hole_from_both_sides(plans: list[Plan]) -> None:
    for plan in plans:
        doors = [opening for opening in plan.openings if opening.is_door]
        assert len(doors) % 2 == 0
        for door in doors:
            twin = next(o for o in doors if o.room == door.other and o.other == door.room)
            ends = []
            for opening in (door, twin):
                start, direction, length = plan.rooms[opening.room].wall(opening.side)
                assert 0 < opening.start < opening.end < length
                ends.append([start + direction * along for along in (opening.start, opening.end)])
            gaps = [np.linalg.norm(ends[0][k] - ends[1][1 - k]) for k in (0, 1)]
            np.testing.assert_allclose(gaps, WALL, atol=1e-9)


def test_windows_are_in_outer_walls_and_off_doors(plans: list[Plan]) -> None:
    for plan in plans:
        for window in (opening for opening in plan.openings if not opening.is_door):
            room = plan.rooms[window.room]
            assert window.top < plan.ceiling and window.end < room.wall(window.side)[2]
            assert not any(o.is_door for o in plan.of_room(window.room, window.side))
