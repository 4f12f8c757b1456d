"""Standing people with known joints: clothed tubes and ellipsoids with a painted face.

A person is built at the origin, feet at y = 0 and facing +z, so that the person's left side is towards +x.
Measures are shares of the body height (after Drillis and Contini, "Body segment parameters", 1966), rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import bake, build_rooms
from mimic_core.sampledata.build.floor_plan import Plan, draw_plan
from mimic_core.sampledata.build.materials import Materials, Paint, shade
from mimic_core.sampledata.build.portrait import face
from mimic_core.sampledata.build.shapes import Patch, Piece
from mimic_core.sampledata.build.style import LIGHT, QUIET, STRONG
from mimic_core.simulators.navigation import WalkableGrid, Walker

JOINTS = (  # COCO's names and order
    "nose",
    *(f"{side}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist") for side in ("left", "right")),
    *(f"{side}_{part}" for part in ("hip", "knee", "ankle") for side in ("left", "right")),
)
HEIGHTS = (1.52, 1.88)  # metres
SKINS = ((226, 182, 152), (198, 146, 112), (152, 104, 74), (108, 74, 54), (238, 200, 176))
DENSITY, FACE_DENSITY = 160.0, 420.0  # pixels per metre
APART = 0.6  # least distance between two people's feet, metres
STANDING = Walker(radius=0.3, height=1.95)  # free space that a person needs, metres
MIN_ISLAND_RADIUS = 1.0  # metres; excludes islands such as the floor inside a wardrobe

# Poses of an arm: ranges of the angle from straight down and of the direction (0 outwards, 90 forwards, 180 inwards),
# degrees, first of the upper arm, then of the forearm.
ARMS: dict[str, tuple[tuple[float, float], ...]] = {
    "hanging": ((6, 14), (0, 60), (8, 28), (60, 110)),
    "holding": ((12, 35), (60, 100), (70, 105), (80, 115)),
    "on the hip": ((38, 50), (-20, 5), (40, 50), (150, 170)),
    "waving": ((65, 100), (0, 40), (135, 160), (20, 70)),
    "pointing": ((70, 90), (30, 80), (75, 95), (35, 85)),
}

HEAD = (0.046, 0.066, 0.056)  # half axes of the head
# Rows of chest and seat from top to bottom: height above the hips, half width, half depth.
CHEST = (
    (0.325, 0.026, 0.026),
    (0.312, 0.07, 0.042),
    (0.29, 0.118, 0.056),
    (0.25, 0.117, 0.066),
    (0.19, 0.105, 0.068),
    (0.11, 0.092, 0.062),
    (0.04, 0.098, 0.066),
    (-0.02, 0.105, 0.07),
    (-0.025, 0.02, 0.02),
)
SEAT = ((0.03, 0.085, 0.055), (0.0, 0.099, 0.067), (-0.035, 0.097, 0.064), (-0.06, 0.06, 0.045), (-0.065, 0.01, 0.01))


@dataclass(frozen=True)
class Person:
    """A person who stands in a scene.

    Attributes:
        pieces: one piece in world coordinates, named ``person``, or ``person 1`` and so on in a flat.
        joints: (17, 3) float64 metres, in the order of :data:`JOINTS`; left and right are the person's own.
    """

    pieces: tuple[Piece, ...]
    joints: np.ndarray


def person(
    rng: np.random.Generator,
    feet: Sequence[float] | np.ndarray,
    yaw: float,
    *,
    materials: Materials | None = None,
    name: str = "person",
) -> Person:
    """Draw a person of random size, pose and clothes.

    Args:
        rng: source of all random draws.
        feet: (x, y, z) of the ground between the feet, metres.
        yaw: degrees; 0 faces +z and 90 faces +x, as in :meth:`Piece.placed`.
        materials: source of skin and cloth; None draws new ones, which takes a tenth of a second.
        name: name of the piece.
    """
    height = float(rng.uniform(*HEIGHTS))
    joints, head_turn = draw_pose(rng, height)
    piece = Piece(name, tuple(body(rng, joints, head_turn, height, materials or Materials(rng))))
    x, y, z = (float(value) for value in feet)
    angle = np.radians(yaw)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    world = np.stack([joints[joint] for joint in JOINTS]) @ turn.T + np.array([x, y, z])
    return Person((piece.placed(x, z, yaw, y),), world)


def draw_pose(rng: np.random.Generator, height: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Draw joints by name (and ``neck``, ``head``), metres in the person's frame, and the head's 3x3 rotation."""
    at: dict[str, np.ndarray] = {}
    stride, spread = rng.uniform(-0.06, 0.06), rng.uniform(0.05, 0.085)
    hip_height = 0.534 - rng.uniform(0.0, 0.006)  # below the length of the legs, so that both feet reach the ground
    shift = np.array([rng.uniform(-0.02, 0.02), 0.0, 0.0])  # the weight is on one leg
    for side, sign in (("left", 1.0), ("right", -1.0)):
        at[f"{side}_ankle"] = np.array([sign * spread, 0.045, sign * stride])
        at[f"{side}_hip"] = shift + np.array([sign * 0.052, hip_height, 0.0])
        pole = np.array([sign * 0.15, 0.0, 1.0])
        at[f"{side}_knee"] = bent(at[f"{side}_hip"], at[f"{side}_ankle"], 0.245, 0.246, pole)
        at[f"{side}_shoulder"] = shift + np.array([sign * 0.108, hip_height + 0.285, -0.005])
        upper, upper_side, lower, lower_side = (
            rng.uniform(*limits) for limits in ARMS[str(rng.choice(list(ARMS), p=(0.4, 0.2, 0.15, 0.1, 0.15)))]
        )
        at[f"{side}_elbow"] = at[f"{side}_shoulder"] + 0.175 * limb_direction(upper, upper_side, sign)
        at[f"{side}_wrist"] = at[f"{side}_elbow"] + 0.155 * limb_direction(lower, lower_side, sign)
    at["neck"] = shift + np.array([0.0, hip_height + 0.315, -0.005])
    yaw, pitch = np.radians(rng.uniform(-38, 38)), np.radians(rng.uniform(-8, 14))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    at["head"] = at["neck"] + np.array([0.0, 0.082, 0.0]) + turn @ np.array([0.0, 0.0, 0.014])
    radii = np.array(HEAD)
    at["nose"] = at["head"] + turn @ (radii * [0.0, -0.1, 1.12])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        at[f"{side}_eye"] = at["head"] + turn @ (radii * [sign * 0.4, 0.15, 0.905])
        at[f"{side}_ear"] = at["head"] + turn @ (radii * [sign * 1.03, 0.0, -0.05])
    return {name: place * height for name, place in at.items()}, turn


def limb_direction(from_down: float, direction: float, sign: float) -> np.ndarray:
    """Return the unit vector of two angles in degrees (see :data:`ARMS`); ``sign`` is 1 for the left arm, else -1."""
    fall, turn = np.radians(from_down), np.radians(direction)
    return np.array([sign * np.sin(fall) * np.cos(turn), -np.cos(fall), np.sin(fall) * np.sin(turn)])


def bent(start: np.ndarray, end: np.ndarray, first: float, second: float, pole: np.ndarray) -> np.ndarray:
    """Return the joint between two bones of these lengths from ``start`` to ``end``, bent towards ``pole``."""
    along = end - start
    distance = min(float(np.linalg.norm(along)), first + second)
    along = along / np.linalg.norm(along)
    share = (first**2 - second**2 + distance**2) / (2 * distance)
    aside = pole - (pole @ along) * along
    joint: np.ndarray = start + share * along + np.sqrt(max(first**2 - share**2, 0.0)) * aside / np.linalg.norm(aside)
    return joint


def body(
    rng: np.random.Generator, at: Mapping[str, np.ndarray], turn: np.ndarray, height: float, made: Materials
) -> list[Patch]:
    """Build the surfaces of a person with these joints."""

    def cloth() -> Paint:
        first, second = (rng.integers(len(colours)) for colours in (STRONG + QUIET, LIGHT + STRONG))
        return made.fabric(shade((STRONG + QUIET)[first], 1, rng, 14), shade((LIGHT + STRONG)[second], 1, rng, 14))

    skin_colour = shade(SKINS[int(rng.integers(len(SKINS)))], rng.uniform(0.92, 1.05), rng, 3)
    skin, shirt, trousers = made.plain(skin_colour, (5, 6, 4)), cloth(), cloth()
    short_sleeves, broad = rng.random() < 0.45, rng.uniform(0.93, 1.15)
    flesh = cutout(skin)
    shoe = cutout(made.plain(shade(QUIET[int(rng.integers(len(QUIET)))], rng.uniform(0.4, 1.2), rng, 8), (12, 13, 8)))
    patches = []
    for side in ("left", "right"):
        hip, knee, ankle, shoulder, elbow, wrist = (
            at[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        )
        patches.append(tube(hip, knee, 0.052 * height * broad, 0.036 * height, trousers))
        patches.append(tube(knee, ankle, 0.036 * height, 0.028 * height, trousers))
        heel = ankle + np.array([0.0, -0.022, -0.022]) * height
        toes = ankle + np.array([0.008 * np.sign(ankle[0]), -0.029, 0.082]) * height
        patches.append(tube(heel, toes, 0.023 * height, 0.016 * height, shoe, flat=1.35))
        patches.append(tube(shoulder, elbow, 0.03 * height * broad, 0.024 * height, shirt))
        patches.append(tube(elbow, wrist, 0.0235 * height, 0.017 * height, flesh if short_sleeves else shirt))
        fingers = wrist + (wrist - elbow) / np.linalg.norm(wrist - elbow) * 0.06 * height
        patches.append(tube(wrist, fingers, 0.017 * height, 0.013 * height, flesh, flat=1.35))
    patches += torso(at, height, broad, shirt, trousers)
    collar = at["neck"] - np.array([0.0, 0.01 * height, 0.0])
    patches.append(tube(at["head"], collar, 0.03 * height, 0.034 * height, flesh))
    radii = np.array(HEAD) * height
    head = Piece("head").ball((0, 0, 0), (radii[0], radii[1], radii[2]), face(rng, skin_colour), sides=20)
    head = head.placed(0, 0, 180).moved(turn, at["head"].tolist())  # the texture's middle becomes the front
    patches += [replace(patch, density=FACE_DENSITY) for patch in head.patches]
    bridge = at["head"] + turn @ (radii * [0.0, 0.12, 0.97])
    patches.append(tube(bridge, at["nose"], 0.006 * height, 0.0095 * height, flesh))
    return patches


def cutout(image: np.ndarray) -> Paint:
    """Return a painter that cuts a random part out of an image."""

    def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        rooms = (full - part for full, part in zip(image.shape[:2], (height, width), strict=True))
        top, left = (int(rng.integers(0, max(1, room))) for room in rooms)
        cut: np.ndarray = np.clip(image[top : top + height, left : left + width], 0, 255).astype(np.float32)
        return cut

    return paint


def torso(at: Mapping[str, np.ndarray], height: float, broad: float, shirt: Paint, trousers: Paint) -> list[Patch]:
    """Build the shirt from chest to belly, and the top of the trousers."""
    hips = (at["left_hip"] + at["right_hip"]) / 2
    across, deep, up = np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    patches = []
    for rows, paint in ((CHEST, shirt), (SEAT, trousers)):
        centres = np.stack([hips + up * row[0] * height for row in rows])
        widths = np.array([row[1:] for row in rows]) * height * np.array([broad, broad])
        patches.append(lathe(centres, across * widths[:, :1], deep * widths[:, 1:], paint))
    return patches


def tube(start: np.ndarray, end: np.ndarray, first: float, last: float, paint: Paint, *, flat: float = 1.0) -> Patch:
    """Build a limb with round ends and radii ``first`` and ``last``; ``flat`` widens it sideways."""
    up = (start - end) / np.linalg.norm(start - end)
    helper = np.array([0.0, 0.0, 1.0]) if abs(up[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    across = np.cross(up, helper)
    across = across / np.linalg.norm(across)
    deep = np.cross(across, up)
    bow = np.radians([88.0, 60.0, 30.0, 0.0])
    along = np.concatenate([start + up * first * np.sin(bow)[:, None], end - up * last * np.sin(bow[::-1])[:, None]])
    radii = np.concatenate([first * np.cos(bow), last * np.cos(bow[::-1])])[:, None]
    return lathe(along, across * radii * flat, deep * radii, paint)


def lathe(centres: np.ndarray, across: np.ndarray, deep: np.ndarray, paint: Paint, sides: int = 12) -> Patch:
    """Build a surface around an axis.

    Args:
        centres: Rx3, points of the axis from top to bottom.
        across, deep: Rx3, half axes of the ellipse around each point; ``across``, the upward axis and ``deep`` form a
            right-handed system.
        paint: painter of the surface.
        sides: number of corners of an ellipse.
    """
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    sine, cosine = np.sin(angle)[None, :, None], np.cos(angle)[None, :, None]
    points = centres[:, None] + across[:, None] * sine + deep[:, None] * cosine
    along = across[:, None] * cosine - deep[:, None] * sine
    down = np.gradient(points, axis=0)
    normals = np.cross(down, along)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[:, 0], axis=0), axis=1))])
    girth = np.linalg.norm(np.diff(points, axis=1), axis=2).sum(axis=1).max()
    size = (float(girth), float(lengths[-1]))
    return Patch(points, normals, angle / (2 * np.pi), lengths / lengths[-1], size, paint, density=DENSITY)


def flat_with_people(name: str, settings: Mapping[str, Any], count: int) -> tuple[bytes, list[Person]]:
    """Build flat ``name`` with ``count`` people in it; return its GLB file and the people.

    They stand on free floor, at least 0.6 m from one another; their nodes are ``<room kind> <room>: person <n>``, n
    counted from 1 in the order of the list. The result depends only on name, count and ``settings["seed"]``.

    Raises:
        MimicError: there is not enough free floor.
    """
    seed = int(settings["seed"])
    plan = draw_plan(generator(seed, "flat", name, "plan"))
    rooms = build_rooms(plan, generator(seed, "flat", name, "furniture"))
    rng = generator(seed, "flat", name, "people")
    materials, people = Materials(rng), []
    for number, (room, spot) in enumerate(standing_places(plan, rooms, count, rng, name), 1):
        people.append(person(rng, spot, float(rng.uniform(0, 360)), materials=materials, name=f"person {number}"))
        rooms[room] += people[-1].pieces
    return bake(plan, rooms, generator(seed, "flat", name, "light"), {"flat": name, "seed": seed}), people


def standing_places(
    plan: Plan, rooms: Sequence[Sequence[Piece]], count: int, rng: np.random.Generator, name: str
) -> list[tuple[int, np.ndarray]]:
    """Draw places to stand: room number and (x, y, z)."""
    patches = [patch for pieces in rooms for piece in pieces for patch in piece.patches]
    offsets = np.cumsum([0] + [patch.points[..., 0].size for patch in patches])
    vertices = np.concatenate([patch.points.reshape(-1, 3) for patch in patches])
    faces = np.concatenate([patch.faces() + offset for patch, offset in zip(patches, offsets, strict=False)])
    grid = WalkableGrid(vertices, faces, walker=STANDING, name=name)
    chosen: list[tuple[int, np.ndarray]] = []
    for cell in rng.permutation(grid.cells):
        if len(chosen) == count:
            break
        spot = grid.point_in(cell, np.array([0.5, 0.5]))
        spot[1] = 0.0
        inside = [room.number for room in plan.rooms if room.x0 < spot[0] < room.x1 and room.z0 < spot[2] < room.z1]
        near = any(np.linalg.norm(spot - other) < APART for _, other in chosen)
        if inside and not near and grid.island_radius(grid.point_in(cell, np.array([0.5, 0.5]))) >= MIN_ISLAND_RADIUS:
            chosen.append((inside[0], spot))
    if len(chosen) < count:
        raise MimicError(f"there is not enough free floor for {count} people", where=name, remedy="place fewer")
    return chosen
