"""Build a furnished house of two storeys: a stair hall along one side, and separately drawn rooms on each storey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import light_maps, paint_all
from mimic_core.sampledata.build.floor_plan import WALL, Plan, Room, draw_doors, draw_windows, split, with_kinds
from mimic_core.sampledata.build.furnish import RoomFurnisher
from mimic_core.sampledata.build.lighting import RoomLight, draw_sun
from mimic_core.sampledata.build.shapes import Patch, Piece, quad
from mimic_core.sampledata.build.shell import shells_of
from mimic_core.sampledata.build.style import Style

HALL_WIDTH, SLAB = 2.5, 0.25  # metres: between wall axes; between a ceiling and the floor above
STAIR_WIDTH, TREAD, MAX_STEP = 0.95, 0.215, 0.185  # metres
LANDING = 0.95  # metres from the foot of the stair to the wall
RAIL = 0.9  # height of the banister, metres


def house_glb(name: str, settings: Mapping[str, Any]) -> bytes:
    """Return the GLB file of the two-storey house ``name``, which depends only on the name and ``settings["seed"]``."""
    seed = int(settings["seed"])
    rng = generator(seed, "house", name, "plan")
    ceiling = float(rng.uniform(2.4, 2.65))
    depth, width = rng.uniform(6.2, 7.6), rng.uniform(8.0, 10.5)
    stair = Stair(ceiling, depth)
    plans = [draw_storey(width, depth, ceiling, rng) for _ in range(2)]
    rng = generator(seed, "house", name, "furniture")
    style = Style(rng)
    storeys = [furnished(plan, stair, level, style, rng) for level, plan in enumerate(plans)]
    rng = generator(seed, "house", name, "light")
    sun = draw_sun(rng)
    lit = []
    for level, (plan, rooms) in enumerate(zip(plans, storeys, strict=True)):
        for room, pieces in zip(plan.rooms, rooms, strict=True):
            maps = light_maps(pieces, RoomLight(room, plan, pieces, sun, rng))  # in the storey's own coordinates
            number = room.number + level * len(plans[0].rooms)
            lit.append((f"{room.kind} {number}", raised(pieces, level * stair.rise), maps))
    every = [piece for _, pieces, _ in lit for piece in pieces]
    return paint_all(lit, every, rng, {"flat": name, "seed": seed})


class Stair:
    """A straight stair along the west wall of the hall, going up towards the north.

    Attributes:
        rise: from floor to floor, metres.
        steps: number of steps.
        x0, x1, z0, z1: rectangle of floor that it takes, metres; its foot is at z1.
    """

    def __init__(self, ceiling: float, depth: float) -> None:
        self.rise = ceiling + SLAB
        self.steps = int(np.ceil(self.rise / MAX_STEP))
        self.x0, self.x1 = WALL / 2, WALL / 2 + STAIR_WIDTH
        self.z1 = depth - WALL / 2 - LANDING
        self.z0 = self.z1 - (self.steps - 1) * TREAD  # the last step is the floor above

    def piece(self, style: Style) -> Piece:
        """Build the steps and a banister on their open side."""
        wood, board = style.wood, style.one_of([style.white, *style.woods])
        step, middle = self.rise / self.steps, (self.x0 + self.x1) / 2
        made = Piece("stair")
        for number in range(1, self.steps):
            z = self.z1 - (number - 0.5) * TREAD
            height = step if number == 1 else 2 * step
            made = made.box((middle, number * step - height, z), (STAIR_WIDTH, height, TREAD), board, top=wood)
            if number % 2:
                made = made.box((self.x1 - 0.03, number * step, z), (0.04, RAIL, 0.04), wood)
        along = np.array([0.0, self.rise - step, self.z0 - self.z1])
        low = np.array([self.x1 - 0.06, RAIL + step, self.z1])
        across, up = np.array([0.06, 0, 0]), np.array([0, 0.06, 0])
        return made.with_patches(  # the hand rail: its top and its two sides
            quad(low + up + along, across, -along, wood),
            quad(low + up + across, along, -up, wood),
            quad(low + up + along, -along, -up, wood),
        )

    def railing(self, style: Style) -> Piece:
        """Build the upper floor's railing along the opening's long side and its far end."""
        wood, made = style.wood, Piece("railing")
        for z in np.arange(self.z0 + 0.05, self.z1, 0.16):
            made = made.box((self.x1 + 0.03, 0, float(z)), (0.03, RAIL, 0.03), wood)
        for x in np.arange(self.x0 + 0.1, self.x1, 0.16):
            made = made.box((float(x), 0, self.z1 + 0.03), (0.03, RAIL, 0.03), wood)
        made = made.box((self.x1 + 0.03, RAIL, (self.z0 + self.z1) / 2), (0.06, 0.05, self.z1 - self.z0), wood)
        return made.box(((self.x0 + self.x1) / 2, RAIL, self.z1 + 0.03), (STAIR_WIDTH, 0.05, 0.06), wood)

    def edges(self, style: Style) -> Piece:
        """Build the slab's edges around the opening, in the lower storey's coordinates."""
        low, high = np.array([self.x0, self.rise, self.z0]), np.array([self.x1, self.rise, self.z1])
        right, back = np.array([STAIR_WIDTH, 0, 0]), np.array([0, 0, self.z1 - self.z0])
        down = np.array([0, -SLAB, 0])
        return Piece("slab", casts=False).with_patches(
            quad(low, right, down, style.white),
            quad(high, -right, down, style.white),
            quad(low + back, -back, down, style.white),
            quad(high - back, back, down, style.white),
        )

    def cut(self, patch: Patch) -> Patch:
        """Cut the opening into a floor or ceiling."""
        corner = patch.points[0, 0]
        right, down = patch.points[0, -1] - corner, patch.points[-1, 0] - corner
        opening = np.array([[self.x0, 0, self.z0], [self.x1, 0, self.z1]]) - corner * [1, 0, 1]
        across, along = (np.sort(opening @ side / np.linalg.norm(side)) for side in (right, down))
        hole = (float(across[0]), float(along[0]), float(across[1]), float(along[1]))
        return quad(corner, right, down, patch.paint, density=patch.density, holes=[hole])


def draw_storey(width: float, depth: float, ceiling: float, rng: np.random.Generator) -> Plan:
    """Draw one storey; its first room is the stair hall along the west side."""
    cells = [(0.0, 0.0, HALL_WIDTH, depth), *split((HALL_WIDTH, 0.0, width, depth), rng.uniform(13.0, 22.0), rng)]
    half = WALL / 2
    rooms = [Room(i, x0 + half, z0 + half, x1 - half, z1 - half) for i, (x0, z0, x1, z1) in enumerate(cells)]
    rooms = [replace(rooms[0], kind="hall"), *with_kinds(rooms[1:], rng)]
    doors = draw_doors(rooms, ceiling, rng)
    windows = [o for o in draw_windows(rooms, doors, ceiling, rng) if (o.room, o.side) != (0, "west")]
    return Plan(tuple(rooms), tuple(doors + windows), ceiling)


def furnished(plan: Plan, stair: Stair, level: int, style: Style, rng: np.random.Generator) -> list[list[Piece]]:
    """Build the pieces of every room of a storey, in its own coordinates: the floor is at y = 0."""
    shells, fixed = shells_of(plan, style, rng)
    opened = "floor" if level else "ceiling"
    shells[0] = [
        replace(piece, patches=tuple(map(stair.cut, piece.patches))) if piece.name == opened else piece
        for piece in shells[0]
    ]
    shells[0] += [stair.railing(style)] if level else [stair.piece(style), stair.edges(style)]
    free = (stair.x0 + stair.x1) / 2, 0.0, (stair.z1 + LANDING) / 2  # keeps furniture off the stair and its ends
    fixed[0].append(Piece("free").box(free, (STAIR_WIDTH, 1.0, stair.z1 + LANDING), style.white))
    rooms = [
        shells[room.number] + RoomFurnisher(room, plan, style, rng, fixed[room.number]).furnish() for room in plan.rooms
    ]
    rooms[0] = [piece for piece in rooms[0] if piece.name != "rug"]  # a rug could lie over the opening
    return rooms


def raised(pieces: Sequence[Piece], by: float) -> list[Piece]:
    """Return the pieces shifted upwards."""
    return [piece.moved(np.eye(3), (0.0, by, 0.0)) for piece in pieces]
