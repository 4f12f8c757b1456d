"""A procedural street: two rows of houses, a road with pavements, trees, cars and lamps, under the sun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build import street_art
from mimic_core.sampledata.build.facades import house
from mimic_core.sampledata.build.flat import light_maps, paint_all
from mimic_core.sampledata.build.lighting import COOL, RoomLight, Sun
from mimic_core.sampledata.build.shapes import Patch, Piece, quad
from mimic_core.sampledata.build.style import QUIET, STRONG, Style
from mimic_core.simulators.embedded import Renderer
from mimic_core.simulators.raster import NoEGLError, RasterRenderer
from mimic_core.simulators.raycast import RaycastRenderer
from mimic_core.simulators.scene import load_scene

LENGTH, HALF_WIDTH, HALF_ROAD = 34.0, 7.0, 3.4  # metres; the street runs along x, with the middle of the road at z = 0
KERB = 0.12  # height, metres
HOUSE_WIDTHS = (5.5, 8.5)  # metres
SKY_RADIUS, SKY_DENSITY = 45.0, 7.0  # metres, pixels per metre
OCCLUSION = 0.45  # strength of ambient occlusion relative to indoors
GROUND_DENSITY = 40.0  # pixels per metre


@dataclass(frozen=True)
class Street:
    """A street with H houses along it.

    Attributes:
        glb: the scene, as a GLB file.
        fronts: Hx2, start and end of each house front along x, metres.
        sides: H, -1 for a house front at z = -7 m and 1 for one at z = 7 m.
    """

    glb: bytes
    fronts: np.ndarray
    sides: np.ndarray


def street(name: str, settings: Mapping[str, Any]) -> Street:
    """Build street ``name``, which depends only on the name and ``settings["seed"]``."""
    seed = int(settings["seed"])
    rng = generator(seed, "street", name)
    style = Style(rng)
    pieces = [*ground(style), sky()]
    fronts, sides = [], []
    for side in (-1, 1):
        edges = house_edges(rng)
        for left, right in pairwise(edges):
            style = Style(rng)  # every house has its own materials
            middle, turn = (left + right) / 2, 0.0 if side < 0 else 180.0
            pieces += [piece.placed(middle, side * HALF_WIDTH, turn, KERB) for piece in house(rng, style, right - left)]
            fronts.append((left, right))
            sides.append(side)
    for end in (-1, 1):
        closing = house(rng, style, 2 * HALF_WIDTH + 4)
        pieces += [piece.placed(end * (LENGTH / 2 + 3.0), 0.0, -end * 90.0, 0.0) for piece in closing]
    pieces += furniture(rng, style)
    light = generator(seed, "street", name, "light")
    lit = [("street", pieces, light_maps(pieces, StreetLight(pieces, light)))]
    glb = paint_all(lit, pieces, light, {"street": name, "seed": seed})
    return Street(glb, np.array(fronts), np.array(sides))


def house_edges(rng: np.random.Generator) -> list[float]:
    """Draw where the houses begin and end along x."""
    widths: list[float] = []
    while sum(widths) < LENGTH:
        widths.append(float(rng.uniform(*HOUSE_WIDTHS)))
    edges = np.concatenate([[0.0], np.cumsum(widths)]) * LENGTH / sum(widths) - LENGTH / 2
    return [float(edge) for edge in edges]


def ground(style: Style) -> list[Piece]:
    """Build road, kerbs and pavements."""
    made, long = style.materials, LENGTH + 6
    road = street_art.asphalt(made.concrete(style.colour(((96, 96, 98), (116, 112, 108)))))
    paving = made.tiles(style.colour(QUIET), style.colour(QUIET), 32, (92, 90, 86))
    pieces = [
        Piece("road", casts=False).with_patches(
            quad((-long / 2, 0, -HALF_ROAD), (long, 0, 0), (0, 0, 2 * HALF_ROAD), road, density=GROUND_DENSITY)
        )
    ]
    for side in (-1, 1):
        near, wide = side * HALF_ROAD, HALF_WIDTH - HALF_ROAD
        corner = (-long / 2, KERB, -HALF_WIDTH if side < 0 else HALF_ROAD)
        start, along = (side * long / 2, KERB, near), (-side * long, 0, 0)
        edge = quad(start, along, (0, -KERB, 0), style.one_of(style.stones), density=GROUND_DENSITY)
        top = quad(corner, (long, 0, 0), (0, 0, wide), paving, density=GROUND_DENSITY)
        pieces.append(Piece("pavement", casts=False).with_patches(top, edge))
    return pieces


def sky() -> Piece:
    """Build a dome of sky, seen from inside."""
    s, t = np.linspace(0, 1, 33), np.linspace(0, 1, 10)
    around, down = np.meshgrid(-2 * np.pi * s, 0.53 * np.pi * t)  # a little below the horizon
    inwards = -np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], axis=-1)
    size = (2 * np.pi * SKY_RADIUS, 0.53 * np.pi * SKY_RADIUS)
    dome = Patch(-inwards * SKY_RADIUS, inwards, s, t, size, street_art.sky, density=SKY_DENSITY, shines=True)
    return Piece("sky", (dome,), casts=False)


def furniture(rng: np.random.Generator, style: Style) -> list[Piece]:
    """Build trees, lamps, bins, boxes and cars along both kerbs."""
    pieces: list[Piece] = []
    for side in (-1.0, 1.0):
        x = -LENGTH / 2 + rng.uniform(1, 3)
        while x < LENGTH / 2 - 1:
            maker = (tree, lamp, litter_bin, crates)[int(rng.choice(4, p=(0.35, 0.2, 0.2, 0.25)))]
            place = side * (HALF_ROAD + rng.uniform(0.5, 0.9))
            pieces.append(maker(rng, style).placed(x, place, float(rng.uniform(0, 360)), KERB))
            x += rng.uniform(2.5, 6.0)
        x = -LENGTH / 2 + rng.uniform(2, 8)
        while x < LENGTH / 2 - 3:
            pieces.append(car(rng, style).placed(x, side * (HALF_ROAD - 1.0), 0.0 if side > 0 else 180.0))
            x += rng.uniform(5.5, 14.0)
    return pieces


def tree(rng: np.random.Generator, style: Style) -> Piece:
    """Build a young street tree in a grating."""
    trunk, leaf = rng.uniform(2.0, 2.8), style.one_of(style.leaves)
    piece = Piece("tree").box((0, 0.003, 0), (1.0, 0.02, 1.0), style.metal)
    piece = piece.cylinder((0, 0, 0), 0.11, trunk + 0.5, style.wood, top_radius=0.07, sides=10)
    for _ in range(int(rng.integers(6, 10))):
        at = (rng.normal(0, 0.4), trunk + rng.uniform(0.3, 1.8), rng.normal(0, 0.4))
        size = rng.uniform(0.35, 0.6)
        piece = piece.ball(at, (size, size * 0.85, size), leaf, sides=10)
    return piece


def lamp(rng: np.random.Generator, style: Style) -> Piece:
    """Build a street lamp."""
    height = rng.uniform(3.4, 4.2)
    piece = Piece("lamp post").cylinder((0, 0, 0), 0.14, 0.7, style.metal, top_radius=0.08)
    piece = piece.cylinder((0, 0.7, 0), 0.05, height, style.metal, sides=8)
    return piece.ball((0, height + 0.8, 0), (0.24, 0.28, 0.24), style.white, sides=12)


def litter_bin(rng: np.random.Generator, style: Style) -> Piece:
    """Build a litter bin, at times with a poster on it."""
    paint = street_art.sign if rng.random() < 0.5 else style.fabric
    piece = Piece("bin").cylinder((0, 0, 0), 0.28, 0.85, paint, sides=14)
    return piece.cylinder((0, 0.85, 0), 0.31, 0.1, style.metal, sides=14)


def crates(rng: np.random.Generator, style: Style) -> Piece:
    """Build one or two parcels or crates."""
    piece = Piece("boxes")
    for number in range(int(rng.integers(1, 4))):
        size = tuple(float(value) for value in rng.uniform(0.35, 0.7, 3))
        paint = style.wood if rng.random() < 0.6 else street_art.sign
        box = Piece("box").box((0, 0, 0), (size[0], size[1], size[2]), paint, front=street_art.sign, density=72)
        at = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), float(rng.uniform(-30, 30)), 0.62 * (number > 0))
        piece = piece.with_patches(*box.placed(*at).patches) if number < 2 else piece
    return piece


def car(rng: np.random.Generator, style: Style) -> Piece:
    """Build a parked van or car out of boxes."""
    paint = style.materials.metal(style.colour(STRONG + QUIET))
    long, wide = rng.uniform(3.6, 4.4), 1.75
    van = rng.random() < 0.4
    piece = Piece("car").box((0, 0.3, 0), (long, 0.65, wide), paint, front=street_art.sign if van else paint)
    roof = (long * (0.95 if van else 0.55), 1.0 if van else 0.6, wide * 0.92)
    side = street_art.sign if van else street_art.glass
    piece = piece.box((-0.1 * long * (not van), 0.95, 0), roof, street_art.glass, front=side, top=paint)
    for x in (-long * 0.3, long * 0.3):
        for z in (-wide / 2, wide / 2):
            piece = piece.ball((x, 0.32, z), (0.32, 0.32, 0.1), style.metal, sides=14)
    return piece


def open_street(glb: bytes, size: tuple[int, int], hfovs: Sequence[float]) -> list[Renderer]:
    """Open renderers of a street, without navigation.

    Args:
        size: (height, width), pixels.
        hfovs: horizontal field of view of each renderer, degrees.
    """
    scene = load_scene(glb, up="y")
    try:
        return [RasterRenderer(scene, size, hfov) for hfov in hfovs]
    except NoEGLError:
        return [RaycastRenderer(scene, size, hfov) for hfov in hfovs]


class StreetLight(RoomLight):
    """Outdoor daylight: sky, sun, and shadows of the bounding boxes of pieces.

    Args:
        pieces: the pieces of the street.
        rng: for the time of day and the strength of the light.
    """

    def __init__(self, pieces: Sequence[Piece], rng: np.random.Generator) -> None:
        far = 1000.0
        self.low, self.high = np.array([-far, 0.0, -far]), np.array([far, far, far])
        height, turn = np.radians(rng.uniform(48, 66)), rng.uniform(0, 2 * np.pi)
        towards = np.array([np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)])
        self.sun = Sun(towards, np.array([1.05, 1.0, 0.9]) * rng.uniform(0.25, 0.45), 1.0)
        self.ambient = rng.uniform(0.86, 1.0) * COOL
        self.lamps, self.panes = [], []
        casting = [piece.bounds() for piece in pieces if piece.casts]
        self.boxes = np.stack(casting) if casting else np.zeros((0, 2, 3))

    def openness(self, points: np.ndarray, normals: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the ambient occlusion factor of each point, 0..1: weaker than indoors."""
        return 1 - OCCLUSION * (1 - super().openness(points, normals, own))

    def sunlight(self, points: np.ndarray, normals: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the share of the sun that reaches each point, 0..1."""
        towards = self.sun.direction
        facing: np.ndarray = np.clip(normals @ towards, 0, 1)
        lit = np.flatnonzero(facing > 0)
        slope = 1 / np.where(np.abs(towards) < 1e-6, 1e-6, towards)
        start = (points[lit] * slope).T.astype(np.float32)  # one row per axis
        ends = (self.boxes * slope).astype(np.float32)
        blocked, owner = np.zeros(len(lit), bool), own[lit]
        for number, (low, high) in enumerate(zip(ends.min(axis=1), ends.max(axis=1), strict=True)):
            enter, leave = low[0] - start[0], high[0] - start[0]
            for axis in (1, 2):
                enter = np.maximum(enter, low[axis] - start[axis])
                leave = np.minimum(leave, high[axis] - start[axis])
            blocked |= (leave > np.maximum(enter, 0.02)) & (owner != number)
        facing[lit[blocked]] = 0
        return facing
