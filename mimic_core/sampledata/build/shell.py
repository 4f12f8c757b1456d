"""The shell of a flat: floors, walls, ceilings, doors and windows."""

from __future__ import annotations

import numpy as np

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.floor_plan import WALL, Opening, Plan, Room
from mimic_core.sampledata.build.materials import DENSITY
from mimic_core.sampledata.build.shapes import Piece, quad
from mimic_core.sampledata.build.style import Style

YAW = {"north": 0.0, "west": 90.0, "south": 180.0, "east": 270.0}  # degrees that turn a piece's back to that wall
OVERLAP = 0.01  # metres by which surfaces of the shell overlap at edges, to leave no gaps
UP = np.array([0.0, 1.0, 0.0])


def on_wall(room: Room, side: str, along: float, off: float = 0.0) -> tuple[float, float]:
    """Return the (x, z) at ``along`` metres from a wall's left end and ``off`` metres from it into the room."""
    start, direction, _ = room.wall(side)
    inward = np.array([-direction[1], direction[0]])
    x, z = start + direction * along + inward * off
    return float(x), float(z)


def room_shell(room: Room, plan: Plan, style: Style, rng: np.random.Generator) -> list[Piece]:
    """Build floor, ceiling and four walls with holes for the doors."""
    high, more = plan.ceiling, OVERLAP
    right, back = np.array([room.x1 - room.x0 + 2 * more, 0, 0]), np.array([0, 0, room.z1 - room.z0 + 2 * more])
    floor = quad((room.x0 - more, 0, room.z0 - more), right, back, style.floor(room.kind))
    ceiling = quad((room.x0 - more, high, room.z1 + more), right, -back, style.ceiling(), density=DENSITY * 0.75)
    pieces = [Piece("floor", (floor,), casts=False), Piece("ceiling", (ceiling,), casts=False)]
    common, accent = style.wall(room.kind), style.wall(room.kind) if rng.random() < 0.5 else None
    dado = style.wall("bath") if rng.random() < (0.6 if room.kind in ("bath", "kitchen") else 0.15) else None
    special = rng.choice(list(YAW)) if accent else ""
    for side in YAW:
        start, direction, length = room.wall(side)
        paint = style.with_skirting(accent if side == special and accent else common, high, dado)
        doors = [o for o in plan.of_room(room.number, side) if o.is_door]
        holes = [(o.start + more, high - o.top, o.end + more, high - o.bottom) for o in doors]
        along = np.array([direction[0], 0.0, direction[1]])
        corner = np.array([start[0], high, start[1]]) - along * more
        wall = quad(corner, along * (length + 2 * more), -UP * high, paint, holes=holes)
        pieces.append(Piece(f"{side} wall", (wall,), casts=False))
    return pieces


def doorway(room: Room, door: Opening, style: Style, rng: np.random.Generator) -> list[Piece]:
    """Build the reveal, threshold and frame of a door, once for both rooms; narrow doors may have an open leaf.

    The wall's own frame is used: x along the wall, z from its axis into the room.
    """
    width, height, half = door.end - door.start, door.top, WALL / 2
    paint = style.wood
    thick, deep = np.array([0.0, 0.0, WALL]), np.array([width, 0.0, 0.0])
    low = np.array([-width / 2, 0.0, -half])
    reveal = Piece("door frame", casts=False).with_patches(
        quad(low + UP * height + thick, -thick, -UP * height, paint),
        quad(low + UP * height + deep, thick, -UP * height, paint),
        quad(low + UP * height + thick, deep, -thick, paint),
        quad(low + UP * 0.002, deep, thick, paint),  # threshold, just above the floors
    )
    for z in (-half - 0.01, half + 0.01):
        for end in (-1, 1):
            reveal = reveal.box((end * (width / 2 + 0.035), 0, z), (0.07, height + 0.07, 0.02), paint)
        reveal = reveal.box((0, height, z), (width + 0.14, 0.07, 0.02), paint)
    pieces = [reveal]
    if width < 1.0 and rng.random() < 0.55:
        hinge = 1.0 if rng.random() < 0.5 else -1.0
        board = style.one_of([style.white, *style.woods])
        leaf = Piece("door").box(
            (0, 0.01, 0), (width - 0.02, height - 0.03, 0.04), board, front=artwork.fronts(board, 1, 2)
        )
        turn = np.radians(hinge * rng.uniform(75, 95))
        reach = (width - 0.02) / 2
        x = hinge * (width / 2 - np.cos(turn) * reach + 0.02)
        pieces.append(leaf.placed(x, half + 0.03 + abs(np.sin(turn)) * reach, -np.degrees(turn)))
    x, z = on_wall(room, door.side, (door.start + door.end) / 2, -half)
    return [piece.placed(x, z, YAW[door.side]) for piece in pieces]


def window(room: Room, opening: Opening, style: Style, rng: np.random.Generator) -> list[Piece]:
    """Build a window in front of the wall: a framed view outside, a sill and perhaps curtains."""
    width, height = opening.end - opening.start, opening.top - opening.bottom
    corner = np.array([-width / 2, opening.top, 0.012])
    glass = Piece("window", casts=False).with_patches(
        quad(corner, (width, 0, 0), (0, -height, 0), artwork.outdoors, shines=True)
    )
    frame = style.one_of([style.white, style.woods[0]])
    for end in (-1, 1):
        glass = glass.box((end * (width / 2 + 0.02), opening.bottom - 0.03, 0.02), (0.06, height + 0.06, 0.04), frame)
    glass = glass.box((0, opening.top, 0.02), (width + 0.1, 0.06, 0.04), frame)
    glass = glass.box((0, opening.bottom - 0.05, 0.06), (width + 0.12, 0.04, 0.12), frame)
    pieces = [glass]
    if rng.random() < 0.6:
        cloth, drop = style.fabric, opening.bottom - 0.15 if rng.random() < 0.5 and opening.bottom > 0.5 else 0.03
        curtains = Piece("curtains", casts=False)
        wide = min(0.3, width * 0.22)
        for end in (-1, 1):
            for fold in range(4):
                at = (end * (width / 2 + 0.06 - wide * (fold + 0.5) / 4), drop, 0.075 + 0.02 * (fold % 2))
                curtains = curtains.box(at, (wide / 4, opening.top + 0.1 - drop, 0.03), cloth)
        curtains = curtains.box((0, opening.top + 0.1, 0.08), (width + 0.35, 0.025, 0.025), style.metal)
        pieces.append(curtains)
    x, z = on_wall(room, opening.side, (opening.start + opening.end) / 2)
    return [piece.placed(x, z, YAW[opening.side]) for piece in pieces]


def shells_of(
    plan: Plan, style: Style, rng: np.random.Generator
) -> tuple[dict[int, list[Piece]], dict[int, list[Piece]]]:
    """Build all rooms: by room number, their shells with windows and doorways, and the door leaves among these.

    A door belongs to the first of its two rooms.
    """
    leaves: dict[int, list[Piece]] = {room.number: [] for room in plan.rooms}
    shells = {room.number: room_shell(room, plan, style, rng) for room in plan.rooms}
    for opening in plan.openings:
        room = plan.rooms[opening.room]
        if not opening.is_door:
            shells[room.number] += window(room, opening, style, rng)
        elif opening.room < opening.other:
            pieces = doorway(room, opening, style, rng)
            shells[room.number] += pieces
            leaves[room.number] += [piece for piece in pieces if piece.name == "door"]
    return shells, leaves
