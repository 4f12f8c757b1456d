"""Scenes with a single object in a room, and cameras that circle it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.flat import bake
from mimic_core.sampledata.build.floor_plan import Plan, Room, draw_windows
from mimic_core.sampledata.build.furnish import RoomFurnisher
from mimic_core.sampledata.build.furniture.decoration import ceiling_lamp
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.shell import room_shell, window
from mimic_core.sampledata.build.style import LIGHT, QUIET, STRONG, Style
from mimic_core.sampledata.build.things import LARGE, SMALL, fine
from mimic_core.sampledata.film.walkthrough import noise
from mimic_core.simulators import camera_pose

SIDES = (4.2, 5.4)  # metres, of the room
TABLE_HEIGHTS = (0.62, 0.76)  # metres
CLOTH_DENSITY = 300.0  # pixels per metre
PLACES = 5  # for other objects around the main one; at most all but one are taken
TOO_LARGE = ("armchair", "laptop")  # never placed beside another object
ELEVATIONS = (28.0, 44.0)  # degrees of the camera above the object


@dataclass(frozen=True)
class ObjectScene:
    """A scene with one main object.

    Attributes:
        glb: the scene, as a GLB file.
        middle: (x, y, z) metres of the object's middle.
        distance: metres from which a camera sees the object and what it stands on.
    """

    glb: bytes
    middle: np.ndarray
    distance: float


def object_scene(kind: str, name: str, settings: Mapping[str, Any]) -> ObjectScene:
    """Build a scene around an object of this kind, on a table if it is small, else on the floor.

    The result depends only on the kind, the name and ``settings["seed"]``.

    Args:
        kind: a key of :data:`SMALL` or :data:`LARGE`.
    """
    seed = int(settings["seed"])
    rng = generator(seed, "object", kind, name)
    style = Style(rng)
    plan, pieces = empty_room(rng, style)
    small = kind in SMALL
    if small:
        top, distance, spread = float(rng.uniform(*TABLE_HEIGHTS)), rng.uniform(0.7, 0.9), (0.28, 0.42)
        pieces.append(table(rng, style, top))
    else:
        top, distance, spread = 0.0, rng.uniform(1.6, 1.9), (0.9, 1.2)
        pieces.append(carpet(rng, style))
    makers = SMALL if small else LARGE
    thing = makers[kind](rng, style)
    tall = max(float(piece.bounds()[1, 1]) for piece in thing)
    placed = [piece.placed(0, 0, float(rng.uniform(-30, 30)), top) for piece in thing]
    kinds = [other for other in makers if other != kind and other not in TOO_LARGE]
    for place in rng.permutation(PLACES)[: int(rng.integers(2, PLACES))]:
        turn, away = 2 * np.pi * (place + rng.uniform(-0.2, 0.2)) / PLACES, rng.uniform(*spread)
        at = float(away * np.sin(turn)), float(away * np.cos(turn)), float(rng.uniform(0, 360)), top
        placed += [piece.placed(*at) for piece in makers[str(rng.choice(kinds))](rng, style)]
    pieces += fine(placed) if small else placed
    rng = generator(seed, "object", kind, name, "light")
    glb = bake(plan, [pieces], rng, {"object": kind, "seed": seed})
    return ObjectScene(glb, np.array([0.0, top + 0.45 * tall, 0.0]), float(distance))


def empty_room(rng: np.random.Generator, style: Style) -> tuple[Plan, list[Piece]]:
    """Build a room around the origin with windows, pictures and a lamp."""
    width, depth = rng.uniform(*SIDES, 2)
    room = Room(0, -width / 2, -depth / 2, width / 2, depth / 2, "living")
    ceiling = float(rng.uniform(2.5, 3.0))
    plan = Plan((room,), tuple(draw_windows([room], [], ceiling, rng)), ceiling)
    pieces = room_shell(room, plan, style, rng)
    for opening in plan.openings:
        pieces += window(room, opening, style, rng)
    walls = RoomFurnisher(room, plan, style, rng)
    walls.hang_pictures()
    lamps = [lamp.placed(0, 0, 0, ceiling) for lamp in ceiling_lamp(rng, style)]
    return plan, pieces + walls.pieces + lamps


def table(rng: np.random.Generator, style: Style, top: float) -> Piece:
    """Build a table at the origin, usually with a printed tablecloth."""
    colours = style.colour(STRONG), style.colour(LIGHT + STRONG), style.colour(QUIET + STRONG)
    cloth = artwork.rug(*colours) if rng.random() < 0.6 else style.one_of([style.fabric, style.wood])
    width, depth, wood = rng.uniform(1.1, 1.5), rng.uniform(0.95, 1.2), style.wood
    board = Piece("table").box((0, top - 0.04, 0), (width, 0.04, depth), wood, top=cloth, density=CLOTH_DENSITY)
    for x in (-1, 1):
        for z in (-1, 1):
            board = board.box((x * (width / 2 - 0.06), 0, z * (depth / 2 - 0.06)), (0.06, top - 0.04, 0.06), wood)
    return board


def carpet(rng: np.random.Generator, style: Style) -> Piece:
    """Build a carpet at the origin."""
    paint = artwork.rug(style.colour(STRONG), style.colour(LIGHT + STRONG), style.colour(QUIET + STRONG))
    size = (rng.uniform(1.8, 2.4), 0.012, rng.uniform(1.5, 2.0))
    return Piece("rug", casts=False).box((0, 0, 0), size, style.fabric, top=paint)


def orbit_poses(
    scene: ObjectScene, frames: int, degrees: float, rng: np.random.Generator, *, fps: int
) -> list[np.ndarray]:
    """Return camera-to-world matrices of a hand-held camera that circles an object.

    Args:
        frames, fps: number of matrices, and how many per second.
        degrees: total angle covered; the pace varies by about a third.
    """
    pace = (1 + 0.35 * noise(rng, frames, 0.9, fps)).clip(0.3, 1.9)
    angle = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * np.radians(degrees) * np.cumsum(pace) / pace.sum()
    steep = np.radians(rng.uniform(*ELEVATIONS) + 4.0 * noise(rng, frames, 2.0, fps).clip(-3, 3))
    distance = scene.distance * (1 + 0.05 * noise(rng, frames, 2.0, fps)).clip(0.85, 1.15)
    shake = np.stack([noise(rng, frames, 0.12, fps) for _ in range(3)], axis=1)
    aim = np.stack([noise(rng, frames, 1.5, fps) for _ in range(2)], axis=1)
    poses = []
    for frame in range(frames):
        away, up = distance[frame] * np.cos(steep[frame]), distance[frame] * np.sin(steep[frame])
        eye = scene.middle + np.array([away * np.sin(angle[frame]), up, away * np.cos(angle[frame])])
        yaw = np.degrees(angle[frame]) + 2.0 * aim[frame, 0] + 0.3 * shake[frame, 0]
        pitch = -np.degrees(steep[frame]) + 1.5 * aim[frame, 1] + 0.3 * shake[frame, 1]
        poses.append(camera_pose(eye, float(yaw), float(pitch), float(0.4 * shake[frame, 2])))
    return poses
