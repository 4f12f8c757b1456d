"""Lighting baked into the textures, so that an unlit renderer shows it: lamps, windows, sun, dark corners.

Light is a factor per colour channel, about 0.25 in a dark corner and 1.3 in the sun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mimic_core.sampledata.build.floor_plan import Plan, Room
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.shell import on_wall

CORNER_REACH, CONTACT_REACH = 0.22, 0.13  # metres over which corners and contacts darken
NO_CONTACT = 40 * CONTACT_REACH  # metres, beyond which rounding leaves nothing of a contact
WARM, COOL = np.array([1.06, 1.0, 0.88]), np.array([0.95, 1.0, 1.06])


@dataclass(frozen=True)
class Lamp:
    """A small light: position (x, y, z) and strength per colour channel."""

    place: np.ndarray
    strength: np.ndarray


@dataclass(frozen=True)
class Pane:
    """A window as a light: centre, direction into the room, half width along the wall, half height, strength."""

    centre: np.ndarray
    inward: np.ndarray
    half_width: float
    half_height: float
    strength: np.ndarray


@dataclass(frozen=True)
class Sun:
    """Direction and strength of sunlight, the same for all rooms of a flat; ``strength`` is 0 on a dull day."""

    direction: np.ndarray  # towards the sun
    strength: np.ndarray
    daylight: float


def draw_sun(rng: np.random.Generator) -> Sun:
    """Draw the time of day and the weather."""
    height, turn = np.radians(rng.uniform(18, 50)), rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)])
    shining = rng.random() < 0.65
    colour = np.array([1.08, 1.0, 0.85 + 0.1 * np.sin(height)])
    return Sun(direction, colour * rng.uniform(0.35, 0.6) * shining, rng.uniform(0.5, 1.0))


class RoomLight:
    """The light in one room.

    Args:
        room, plan: the room and its flat.
        pieces: the pieces in the room.
        sun: the flat's sun.
        rng: for the ambient light and the lamps.
    """

    def __init__(self, room: Room, plan: Plan, pieces: Sequence[Piece], sun: Sun, rng: np.random.Generator) -> None:
        self.low = np.array([room.x0, 0.0, room.z0])
        self.high = np.array([room.x1, plan.ceiling, room.z1])
        self.sun = sun
        self.ambient = rng.uniform(0.62, 0.8) * (WARM if rng.random() < 0.5 else COOL)
        self.lamps = []
        for piece in pieces:
            if piece.name == "ceiling lamp" or (piece.name == "floor lamp" and rng.random() < 0.7):
                low, high = piece.bounds()
                place = (low + high) / 2
                place[1] = low[1] - 0.05 if piece.name == "ceiling lamp" else high[1] + 0.05
                strength = rng.uniform(0.2, 0.5) if piece.name == "ceiling lamp" else rng.uniform(0.15, 0.3)
                self.lamps.append(Lamp(place, strength * WARM))
        self.panes = []
        for opening in plan.of_room(room.number):
            if opening.is_door:
                continue
            middle = (opening.start + opening.end) / 2
            near, far = on_wall(room, opening.side, middle), on_wall(room, opening.side, middle, 1.0)
            centre = np.array([near[0], (opening.bottom + opening.top) / 2, near[1]])
            inward = np.array([far[0] - near[0], 0.0, far[1] - near[1]])
            half = (opening.end - opening.start) / 2, (opening.top - opening.bottom) / 2
            self.panes.append(Pane(centre, inward, *half, 1.5 * sun.daylight * half[0] * half[1] * COOL))
        casting = [piece.bounds() for piece in pieces if piece.casts]
        self.boxes = np.stack(casting) if casting else np.zeros((0, 2, 3))

    def at(self, points: np.ndarray, normals: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Compute the light on surface points.

        Args:
            points, normals: Nx3.
            own: N, index of each point's piece among those that cast shadows, or -1; a piece casts none on itself.

        Returns:
            Nx3 factors.
        """
        light = self.ambient * (0.86 + 0.14 * normals[:, 1:2] + 0.05 * normals[:, :1])
        for lamp in self.lamps:
            towards = lamp.place - points
            distance = np.linalg.norm(towards, axis=1, keepdims=True)
            facing = np.clip(np.einsum("ij,ij->i", towards, normals)[:, None] / np.maximum(distance, 0.05), 0, 1)
            light = light + lamp.strength * (0.15 + 0.85 * facing) * 2.2 / (0.7 + distance**2) ** 0.75
        for pane in self.panes:
            towards = pane.centre + 0.05 * pane.inward - points
            squared = np.einsum("ij,ij->i", towards, towards)[:, None]
            facing = np.clip(np.einsum("ij,ij->i", towards, normals)[:, None] / np.sqrt(squared), 0, 1)
            ahead = np.clip(-(towards @ pane.inward)[:, None] / np.sqrt(squared), 0, 1)
            light = light + pane.strength * (0.2 + 0.8 * facing) * (0.25 + 0.75 * ahead) / (0.8 + 0.6 * squared)
        light = light * self.openness(points, normals, own)[:, None]
        lit: np.ndarray = light + self.sunlight(points, normals, own)[:, None] * self.sun.strength
        return lit

    def openness(self, points: np.ndarray, normals: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the ambient occlusion factor of each point, 0..1: lower near the room's corners and near furniture."""
        shade = np.ones(len(points))
        for axis in range(3):
            across = 1 - np.abs(normals[:, axis])
            for distance in (points[:, axis] - self.low[axis], self.high[axis] - points[:, axis]):
                shade *= 1 - 0.3 * across * np.exp(-np.maximum(distance, 0) / CORNER_REACH)
        order = np.argsort(points[:, 0], kind="stable")
        sorted_points, sorted_own, factor = points[order], own[order], shade[order]
        ends = self.boxes[:, :, 0] + [-NO_CONTACT, NO_CONTACT]
        for number, (low, high) in enumerate(self.boxes):
            near = slice(*np.searchsorted(sorted_points[:, 0], ends[number]))
            outside = np.maximum(np.maximum(low - sorted_points[near], sorted_points[near] - high), 0)
            distance = np.sqrt(np.einsum("ij,ij->i", outside, outside))
            factor[near] *= 1 - np.where(sorted_own[near] == number, 0, 0.5 * np.exp(-distance / CONTACT_REACH))
        shade[order] = factor
        return shade

    def sunlight(self, points: np.ndarray, normals: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the share of the sun that reaches each point through a window, 0..1, with soft edges."""
        towards = self.sun.direction
        facing = np.clip(normals @ towards, 0, 1) ** 0.5
        total = np.zeros(len(points))
        for pane in self.panes:
            slope = -(towards @ pane.inward)
            if slope < 0.1 or not self.sun.strength.any():
                continue
            distance = ((points - pane.centre) @ pane.inward) / slope
            at = points + towards * distance[:, None] - pane.centre
            aside, above = np.abs(at @ np.array([pane.inward[2], 0.0, -pane.inward[0]])), np.abs(at[:, 1])
            inside = np.minimum(pane.half_width - aside, pane.half_height - above)
            total = np.maximum(total, np.clip(inside / 0.06 + 0.5, 0, 1) * (distance > 0))
        lit = np.flatnonzero(total * facing > 0)
        blocked = np.zeros(len(lit), bool)
        for number, box in enumerate(self.boxes):
            near = (box - points[lit][:, None]) / np.where(np.abs(towards) < 1e-6, 1e-6, towards)[None, None]
            enter, leave = near.min(axis=1).max(axis=1), near.max(axis=1).min(axis=1)
            blocked |= (leave > np.maximum(enter, 0.01)) & (own[lit] != number)
        total[lit[blocked]] = 0
        share: np.ndarray = total * facing
        return share
