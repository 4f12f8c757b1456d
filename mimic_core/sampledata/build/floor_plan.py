"""Random floor plans: rooms from a recursive split, doors between neighbours, windows in outer walls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

WALL = 0.12  # thickness of inner walls, metres
SIDES = ("north", "south", "west", "east")  # north: smallest z, west: smallest x
DOOR_HEIGHT = 2.05  # metres
MIN_SIDE = 2.2  # of a room, between wall axes, metres
MIN_SHARED_WALL = 1.15  # that fits a door, metres
SMALL_ROOM = 7.5  # square metres; smaller rooms are baths and halls


@dataclass(frozen=True)
class Room:
    """A rectangular room: the inner faces of its walls, metres, and its kind."""

    number: int
    x0: float
    z0: float
    x1: float
    z1: float
    kind: str = ""

    @property
    def area(self) -> float:
        """Area in square metres."""
        return (self.x1 - self.x0) * (self.z1 - self.z0)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, z)."""
        return (self.x0 + self.x1) / 2, (self.z0 + self.z1) / 2

    def wall(self, side: str) -> tuple[np.ndarray, np.ndarray, float]:
        """Return start (x, z), unit direction and length of a wall, from left to right as seen from inside."""
        start, end = {
            "north": ((self.x0, self.z0), (self.x1, self.z0)),
            "east": ((self.x1, self.z0), (self.x1, self.z1)),
            "south": ((self.x1, self.z1), (self.x0, self.z1)),
            "west": ((self.x0, self.z1), (self.x0, self.z0)),
        }[side]
        first, last = np.array(start), np.array(end)
        length = float(np.abs(last - first).max())
        return first, (last - first) / length, length


@dataclass(frozen=True)
class Opening:
    """A hole in a room's wall.

    Attributes:
        room: the room whose wall it is in.
        side: side of the wall.
        start, end: metres along the wall from its left end, as seen from inside.
        bottom, top: heights, metres.
        other: number of the room behind a door; -1 for a window.
    """

    room: int
    side: str
    start: float
    end: float
    bottom: float
    top: float
    other: int = -1

    @property
    def is_door(self) -> bool:
        """Whether this is a door."""
        return self.other >= 0


@dataclass(frozen=True)
class Plan:
    """A flat's rooms and openings; a door is listed for each of its rooms. ``ceiling`` is the room height, metres."""

    rooms: tuple[Room, ...]
    openings: tuple[Opening, ...]
    ceiling: float

    def of_room(self, number: int, side: str | None = None) -> list[Opening]:
        """Return the openings of a room, or of one of its walls."""
        return [o for o in self.openings if o.room == number and side in (None, o.side)]


def draw_plan(rng: np.random.Generator) -> Plan:
    """Draw a flat of 40 to 110 square metres with a ceiling 2.4 to 3 m high."""
    area, aspect = rng.uniform(40.0, 110.0), rng.uniform(0.65, 1.5)
    width, depth = np.sqrt(area * aspect), np.sqrt(area / aspect)
    cells = split((0.0, 0.0, width, depth), rng.uniform(11.0, 24.0), rng)
    if len(cells) > 3 and rng.random() < 0.5:
        cells = without_a_corner(cells, width, depth, rng)
    half = WALL / 2
    rooms = [Room(i, x0 + half, z0 + half, x1 - half, z1 - half) for i, (x0, z0, x1, z1) in enumerate(cells)]
    rooms = with_kinds(rooms, rng)
    ceiling = float(rng.uniform(2.4, 3.0))
    doors = draw_doors(rooms, ceiling, rng)
    windows = draw_windows(rooms, doors, ceiling, rng)
    return Plan(tuple(rooms), tuple(doors + windows), ceiling)


Cell = tuple[float, float, float, float]


def split(cell: Cell, largest: float, rng: np.random.Generator) -> list[Cell]:
    """Cut a rectangle across its longer side until every part is under about ``largest`` square metres."""
    x0, z0, x1, z1 = cell
    width, depth = x1 - x0, z1 - z0
    along_x = width > depth if abs(np.log(width / depth)) > 0.25 else rng.random() < 0.5
    length = width if along_x else depth
    enough = width * depth < largest * rng.uniform(0.8, 1.4)
    if enough or length < 2 * MIN_SIDE:
        return [cell]
    share = MIN_SIDE / length
    cut = length * rng.uniform(max(0.3, share), min(0.7, 1 - share))
    if along_x:
        parts: list[Cell] = [(x0, z0, x0 + cut, z1), (x0 + cut, z0, x1, z1)]
    else:
        parts = [(x0, z0, x1, z0 + cut), (x0, z0 + cut, x1, z1)]
    return [leaf for part in parts for leaf in split(part, largest, rng)]


def without_a_corner(cells: list[Cell], width: float, depth: float, rng: np.random.Generator) -> list[Cell]:
    """Drop a corner room, so that the outline is L-shaped, if the rest is large enough and connected."""
    corners = [c for c in cells if (c[0] == 0 or c[2] == width) and (c[1] == 0 or c[3] == depth)]
    total = width * depth
    for index in rng.permutation(len(corners)):
        rest = [cell for cell in cells if cell != corners[index]]
        remaining = sum((c[2] - c[0]) * (c[3] - c[1]) for c in rest)
        rooms = [Room(i, *cell) for i, cell in enumerate(rest)]
        if remaining > max(0.7 * total, 40.0) and len(spanning_tree(rooms, rng)) == len(rooms) - 1:
            return rest
    return cells


def with_kinds(rooms: list[Room], rng: np.random.Generator) -> list[Room]:
    """Assign a kind to every room: the largest is the living room, small ones are bath and hall."""
    others = [*rng.permutation(["bedroom", "kitchen", "study"]), "bedroom", "dining", "study", "bedroom"]
    small = [*rng.permutation(["bath", "hall"]), *["bath", "hall"] * 4]
    kinds: dict[int, str] = {}
    for room in sorted(rooms, key=lambda room: -room.area):
        if not kinds:
            kinds[room.number] = "living"
        elif room.area < SMALL_ROOM and small:
            kinds[room.number] = small.pop(0)
        else:
            kinds[room.number] = others.pop(0) if others else "bedroom"
    return [replace(room, kind=str(kinds[room.number])) for room in rooms]


def border(a: Room, b: Room) -> tuple[str, float, float] | None:
    """Return the side of ``a`` that touches ``b`` and the shared span along x or z; None if they do not touch."""
    gap = WALL + 1e-6
    if abs(a.x1 - b.x0) < gap or abs(b.x1 - a.x0) < gap:
        side, low, high = ("east" if abs(a.x1 - b.x0) < gap else "west"), max(a.z0, b.z0), min(a.z1, b.z1)
    elif abs(a.z1 - b.z0) < gap or abs(b.z1 - a.z0) < gap:
        side, low, high = ("south" if abs(a.z1 - b.z0) < gap else "north"), max(a.x0, b.x0), min(a.x1, b.x1)
    else:
        return None
    return (side, low, high) if high - low > 0.05 else None


def shared_wall(a: Room, b: Room) -> tuple[str, float, float] | None:
    """Return :func:`border` if it is long enough for a door, else None."""
    found = border(a, b)
    return found if found and found[2] - found[1] > MIN_SHARED_WALL else None


def spanning_tree(rooms: Sequence[Room], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw pairs of neighbours that connect all rooms, or a spanning forest if they are not connected."""
    pairs = [(a.number, b.number) for a in rooms for b in rooms if a.number < b.number and shared_wall(a, b)]
    group = {room.number: room.number for room in rooms}
    tree = []
    for index in rng.permutation(len(pairs)):
        a, b = pairs[index]
        if group[a] != group[b]:
            old, new = group[b], group[a]
            group = {room: new if value == old else value for room, value in group.items()}
            tree.append((a, b))
    return tree


def draw_doors(rooms: Sequence[Room], ceiling: float, rng: np.random.Generator) -> list[Opening]:
    """Draw doors that make every room reachable, and some more; some are wide passages."""
    tree = spanning_tree(rooms, rng)
    pairs = [(a.number, b.number) for a in rooms for b in rooms if a.number < b.number and shared_wall(a, b)]
    extra = [pair for pair in pairs if pair not in tree and rng.random() < 0.3]
    openings = []
    for a, b in tree + extra:
        border = shared_wall(rooms[a], rooms[b])
        if border is None:
            continue
        side, low, high = border
        room_for = high - low - 0.2
        wide = room_for > 1.9 and "bath" not in (rooms[a].kind, rooms[b].kind) and rng.random() < 0.35
        width = rng.uniform(1.5, min(2.4, room_for)) if wide else rng.uniform(0.8, 0.95)
        top = min(ceiling - 0.15, rng.uniform(2.1, 2.4)) if wide else DOOR_HEIGHT
        centre = rng.uniform(low + 0.1 + width / 2, high - 0.1 - width / 2)
        opposite = {"north": "south", "south": "north", "west": "east", "east": "west"}[side]
        for room, wall, other in ((a, side, b), (b, opposite, a)):
            start, direction, _ = rooms[room].wall(wall)
            middle = abs(centre - start[0 if direction[0] else 1])
            openings.append(Opening(room, wall, middle - width / 2, middle + width / 2, 0.0, top, other))
    return openings


def draw_windows(
    rooms: Sequence[Room], doors: Sequence[Opening], ceiling: float, rng: np.random.Generator
) -> list[Opening]:
    """Draw windows in walls that border no other room."""
    windows = []
    for room in rooms:
        inner = {found[0] for other in rooms if other is not room and (found := border(room, other))}
        for side in SIDES:
            length = room.wall(side)[2]
            if side in inner or length < 1.6 or rng.random() < 0.15:
                continue
            count = 2 if length > 4.2 and rng.random() < 0.6 else 1
            for part in range(count):
                space = length / count
                width = min(rng.uniform(0.9, 2.2), space - 0.6)
                start = part * space + rng.uniform(0.3, space - 0.3 - width)
                bottom = rng.uniform(0.75, 1.0) if rng.random() < 0.75 else rng.uniform(0.1, 0.3)
                top = min(ceiling - 0.2, rng.uniform(2.0, 2.3))
                windows.append(Opening(room.number, side, start, start + width, bottom, top))
    return windows
