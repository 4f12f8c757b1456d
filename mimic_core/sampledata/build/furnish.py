"""Place furniture in rooms: along walls, in corners, in the middle and on walls, never in front of a door."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mimic_core.sampledata.build.floor_plan import SIDES, Plan, Room
from mimic_core.sampledata.build.furniture import MAKERS
from mimic_core.sampledata.build.furniture.decoration import ceiling_lamp, clock, picture
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.shell import YAW, on_wall
from mimic_core.sampledata.build.style import Style

CELL = 0.1  # metres, of the grid that checks whether a room stays walkable
BODY = 0.25  # metres kept free around furniture for a walker
DOOR_ZONE = 0.75  # metres kept free in front of a door
PLACE_TRIES = 14

# Furniture by kind of room: (name, "wall", "corner" or "middle", fewest, most).
ROOMS: dict[str, tuple[tuple[str, str, int, int], ...]] = {
    "living": (
        ("rug", "middle", 0, 2),
        ("sofa", "wall", 1, 2),
        ("coffee table", "middle", 0, 1),
        ("sideboard", "wall", 0, 1),
        ("bookcase", "wall", 1, 3),
        ("armchair", "corner", 1, 2),
        ("dining set", "middle", 0, 1),
        ("drawers", "wall", 0, 2),
        ("floor lamp", "corner", 0, 2),
        ("plant", "corner", 1, 3),
        ("side table", "wall", 0, 2),
        ("basket", "corner", 0, 1),
        ("ball", "middle", 0, 1),
    ),
    "bedroom": (
        ("rug", "middle", 0, 1),
        ("bed", "wall", 1, 1),
        ("wardrobe", "wall", 1, 2),
        ("drawers", "wall", 0, 2),
        ("desk", "wall", 0, 1),
        ("bookcase", "wall", 0, 2),
        ("chair", "wall", 0, 1),
        ("armchair", "corner", 0, 1),
        ("plant", "corner", 0, 1),
        ("boxes", "corner", 0, 2),
        ("ball", "middle", 0, 2),
    ),
    "kitchen": (
        ("kitchen row", "wall", 1, 1),
        ("dining set", "middle", 0, 1),
        ("bookcase", "wall", 0, 1),
        ("drawers", "wall", 0, 1),
        ("stool", "middle", 0, 2),
        ("plant", "corner", 0, 1),
        ("basket", "corner", 0, 2),
    ),
    "study": (
        ("rug", "middle", 0, 1),
        ("desk", "wall", 1, 2),
        ("bookcase", "wall", 1, 4),
        ("armchair", "corner", 0, 1),
        ("side table", "corner", 0, 1),
        ("boxes", "corner", 0, 2),
        ("floor lamp", "corner", 0, 1),
        ("plant", "corner", 0, 2),
    ),
    "dining": (
        ("rug", "middle", 0, 1),
        ("dining set", "middle", 1, 1),
        ("drawers", "wall", 1, 2),
        ("bookcase", "wall", 0, 1),
        ("chair", "wall", 0, 2),
        ("plant", "corner", 0, 2),
        ("floor lamp", "corner", 0, 1),
    ),
    "bath": (
        ("washstand", "wall", 1, 1),
        ("bathtub", "wall", 0, 1),
        ("toilet", "wall", 1, 1),
        ("drawers", "wall", 0, 1),
        ("basket", "corner", 0, 1),
        ("stool", "corner", 0, 1),
    ),
    "hall": (
        ("wardrobe", "wall", 0, 1),
        ("drawers", "wall", 0, 1),
        ("chair", "wall", 0, 1),
        ("rug", "middle", 0, 1),
        ("boxes", "corner", 0, 1),
        ("plant", "corner", 0, 1),
    ),
}

Rectangle = tuple[float, float, float, float]  # x0, z0, x1, z1


class RoomFurnisher:
    """Furnish one room.

    Args:
        room, plan: the room and its flat.
        style: the flat's style.
        rng: source of all random draws.
        fixed: pieces that are already there, such as door leaves.
    """

    def __init__(
        self, room: Room, plan: Plan, style: Style, rng: np.random.Generator, fixed: Sequence[Piece] = ()
    ) -> None:
        self.room, self.plan, self.style, self.rng = room, plan, style, rng
        self.pieces: list[Piece] = []
        self.doors = [self.door_zone(o.side, o.start, o.end) for o in plan.of_room(room.number) if o.is_door]
        self.taken: list[Rectangle] = [footprint([piece]) for piece in fixed]
        self.walls: dict[str, list[tuple[float, float, float, float]]] = {
            side: [(o.start - 0.1, o.end + 0.1, o.bottom, o.top + 0.1) for o in plan.of_room(room.number, side)]
            for side in SIDES
        }

    def door_zone(self, side: str, start: float, end: float) -> Rectangle:
        """Return the floor in front of a door."""
        a, b = on_wall(self.room, side, start), on_wall(self.room, side, end, DOOR_ZONE)
        return min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])

    def furnish(self) -> list[Piece]:
        """Draw and place all furniture, leaving out what does not fit."""
        for name, where, fewest, most in ROOMS[self.room.kind]:
            for _ in range(int(self.rng.integers(fewest, most + 1))):
                made = MAKERS[name](self.rng, self.style)
                place = {"wall": self.at_a_wall, "corner": self.in_a_corner, "middle": self.in_the_middle}[where]
                place(made)
        self.hang_pictures()
        x, z = self.room.centre
        self.pieces += [lamp.placed(x, z, 0.0, self.plan.ceiling) for lamp in ceiling_lamp(self.rng, self.style)]
        return self.pieces

    def at_a_wall(self, made: list[Piece], *, in_corner: bool = False) -> bool:
        """Put pieces with their back to a wall, but not where they would cover a window."""
        box = np.stack([piece.bounds() for piece in made])
        low, high = box[:, 0].min(axis=0), box[:, 1].max(axis=0)
        for _ in range(PLACE_TRIES):
            side = str(self.rng.choice(SIDES))
            length = self.room.wall(side)[2]
            if length < high[0] - low[0] + 0.04:
                continue
            left = self.rng.uniform(0.02, length - (high[0] - low[0]) - 0.02)
            if in_corner:
                left = 0.02 if self.rng.random() < 0.5 else length - (high[0] - low[0]) - 0.02
            span = (left, left + high[0] - low[0], 0.0, float(high[1]))
            if self.hits_wall(side, span, margin=0.0):
                continue
            x, z = on_wall(self.room, side, left - low[0], 0.015 - low[2])
            placed = [piece.placed(x, z, YAW[side]) for piece in made]
            if self.has_place(placed, footprint(placed)):
                self.pieces += placed
                self.walls[side].append(span)
                return True
        return False

    def in_a_corner(self, made: list[Piece]) -> bool:
        """Put pieces into a corner of the room."""
        return self.at_a_wall(made, in_corner=True)

    def in_the_middle(self, made: list[Piece]) -> bool:
        """Put pieces somewhere away from the walls."""
        yaw = float(self.rng.choice([0, 90, 180, 270])) + (self.rng.uniform(-8, 8) if self.rng.random() < 0.3 else 0.0)
        turned = [piece.placed(0.0, 0.0, yaw) for piece in made]
        x0, z0, x1, z1 = footprint(turned)
        low = np.array([self.room.x0 - x0 + 0.2, self.room.z0 - z0 + 0.2])
        high = np.array([self.room.x1 - x1 - 0.2, self.room.z1 - z1 - 0.2])
        if (low > high).any():
            return False
        for _ in range(PLACE_TRIES):
            x, z = np.clip(self.rng.normal((low + high) / 2, (high - low) / 3), low, high)
            if self.has_place(turned, (x0 + x, z0 + z, x1 + x, z1 + z)):
                self.pieces += [piece.placed(x, z) for piece in turned]
                return True
        return False

    def has_place(self, made: list[Piece], place: Rectangle) -> bool:
        """Return whether pieces may stand at ``place``, and take it.

        They may not overlap others or block the way between doors, unless all lie flat.
        """
        if any(piece.casts for piece in made):
            if any(overlap(place, other) for other in [*self.taken, *self.doors]) or not self.passable(place):
                return False
            self.taken.append(place)
        return True

    def passable(self, place: Rectangle) -> bool:
        """Return whether all doors stay connected and a quarter of the room walkable with something at ``place``."""
        room = self.room
        shape = (int((room.x1 - room.x0) / CELL) + 1, int((room.z1 - room.z0) / CELL) + 1)
        free = np.ones(shape, np.uint8)
        for x0, z0, x1, z1 in [*self.taken, place]:
            low = np.maximum([(x0 - BODY - room.x0) / CELL, (z0 - BODY - room.z0) / CELL], 0).astype(int)
            high = np.ceil([(x1 + BODY - room.x0) / CELL, (z1 + BODY - room.z0) / CELL]).astype(int)
            free[low[0] : max(high[0], 0), low[1] : max(high[1], 0)] = 0
        count, labels = cv2.connectedComponents(free, connectivity=4)
        if count < 2:
            return False
        main = int(np.bincount(labels[labels > 0]).argmax())
        if (labels == main).mean() < 0.25:
            return False
        for x0, z0, x1, z1 in self.doors:
            x, z = int(((x0 + x1) / 2 - room.x0) / CELL), int(((z0 + z1) / 2 - room.z0) / CELL)
            if main not in labels[max(0, x - 2) : x + 3, max(0, z - 2) : z + 3]:
                return False
        return True

    def hits_wall(self, side: str, span: tuple[float, float, float, float], margin: float) -> bool:
        """Return whether this part (start, end, bottom, top) of a wall is already taken."""
        start, end, bottom, top = span
        return any(
            start < b + margin and a - margin < end and bottom < high and low < top
            for a, b, low, high in self.walls[side]
        )

    def hang_pictures(self) -> None:
        """Hang pictures, and at times a clock, where walls are free."""
        for side in SIDES:
            length = self.room.wall(side)[2]
            for _ in range(int(self.rng.integers(2, 4 + int(length)))):
                maker = clock if self.rng.random() < 0.08 else picture
                made = maker(self.rng, self.style)
                (low_x, low_y, _), (high_x, high_y, _) = made[0].bounds()
                if length < high_x - low_x + 0.3:
                    continue
                along, height = self.rng.uniform(0.1 - low_x, length - high_x - 0.1), self.rng.uniform(1.3, 1.75)
                span = (along + low_x, along + high_x, height + low_y, height + high_y)
                if self.hits_wall(side, span, margin=0.06) or span[3] > self.plan.ceiling - 0.1:
                    continue
                self.walls[side].append(span)
                x, z = on_wall(self.room, side, along)
                self.pieces += [piece.placed(x, z, YAW[side], height) for piece in made]


def footprint(pieces: Sequence[Piece]) -> Rectangle:
    """Return the bounding rectangle of pieces on the floor."""
    bounds = np.stack([piece.bounds() for piece in pieces])
    low, high = bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)
    return float(low[0]), float(low[2]), float(high[0]), float(high[2])


def overlap(a: Rectangle, b: Rectangle) -> bool:
    """Return whether two rectangles overlap."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
