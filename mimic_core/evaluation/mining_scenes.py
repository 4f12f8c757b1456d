"""Pairs of views of the sample world for the audit of the mining: one function per kind of scene."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.evaluation.truth import Shot
from mimic_core.kit.seeding import generator
from mimic_core.pairs import IMAGE_SIZE
from mimic_core.sampledata import Materials, Part, flat_glb, glb_bytes, landscape, poster
from mimic_core.simulators import Simulator, camera_pose, open_simulator

FOCAL = 128.0  # pixels: the central 224 of a 256-pixel render with a field of view of 90 degrees
MIN_MEDIAN_DEPTH = 1.0  # metres; a nearer view shows little but one wall
FLATS = ("flat000", "flat001", "flat002", "flat003")
WALL_SIZE, WALL_PIXELS = (12.0, 8.0), (1536, 1024)  # metres, texture pixels

Image = NDArray[np.uint8]
Effect = Callable[[np.random.Generator, Image], Image]


@dataclass(frozen=True)
class TruePair:
    """Two shots, and the displacement of objects that moved between them (metres, by instance number)."""

    first: Shot
    second: Shot
    moved: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)


def hfov(focal: float) -> float:
    """Return the field of view of a 224-pixel view, in degrees."""
    return 2 * math.degrees(math.atan(IMAGE_SIZE / 2 / focal))


def shoot(simulator: Simulator, pose: NDArray[np.float64], focal: float = FOCAL) -> Shot:
    """Render a view."""
    view = simulator.render(pose)
    return Shot(view.rgb, view.depth, view.instances, pose, focal)


def random_start(simulator: Simulator, rng: np.random.Generator) -> tuple[NDArray[np.float64], float, Shot]:
    """Draw an eye position and heading in a flat whose view shows more than one near wall; return them and the view."""
    while True:
        feet = simulator.random_navigable_point(rng)
        eye = feet + np.array([0.0, rng.uniform(1.2, 1.8), 0.0])
        yaw = float(rng.uniform(0, 360))
        shot = shoot(simulator, camera_pose(eye, yaw))
        if np.median(shot.depth) > MIN_MEDIAN_DEPTH:
            return eye, yaw, shot


@cache
def one_flat(name: str, seed: int) -> bytes:
    """Build a flat once for all kinds of scenes that show it."""
    return flat_glb(name, {"seed": seed})


def in_flats(settings: Mapping[str, Any], count: int, name: str) -> Iterator[tuple[Simulator, np.random.Generator]]:
    """Yield ``count`` times a simulator of one of the flats and a new random generator."""
    for number, flat in enumerate(FLATS[:count]):
        with open_simulator(
            one_flat(flat, int(settings["seed"])), resolution=IMAGE_SIZE, hfov=hfov(FOCAL)
        ) as simulator:
            for turn in range(number, count, len(FLATS)):
                yield simulator, generator(int(settings["seed"]), "audit", name, turn)


def deep_room(settings: Mapping[str, Any], count: int, name: str = "deep_room") -> Iterator[TruePair]:
    """Yield pairs in a furnished room, a step of 0.1 to 0.8 m and a turn of up to 25 degrees apart."""
    for simulator, rng in in_flats(settings, count, name):
        eye, yaw, first = random_start(simulator, rng)
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.8)
        moved = simulator.try_step(eye * [1, 0, 1], distance * np.array([np.cos(angle), 0.0, np.sin(angle)]))
        place = np.array([moved[0], eye[1], moved[2]])
        yield TruePair(first, shoot(simulator, camera_pose(place, yaw + rng.uniform(-25, 25))))


def pure_rotation(settings: Mapping[str, Any], count: int) -> Iterator[TruePair]:
    """Yield pairs from one place, a turn of 5 to 50 degrees apart."""
    for simulator, rng in in_flats(settings, count, "pure_rotation"):
        eye, yaw, first = random_start(simulator, rng)
        turn = rng.choice([-1, 1]) * rng.uniform(5, 50)
        yield TruePair(first, shoot(simulator, camera_pose(eye, yaw + turn)))


def zoom(settings: Mapping[str, Any], count: int) -> Iterator[TruePair]:
    """Yield pairs from one place, the second with 1.2 to 2.5 times the focal length."""
    for number, flat in enumerate(FLATS[:count]):
        glb = one_flat(flat, int(settings["seed"]))
        with open_simulator(glb, resolution=IMAGE_SIZE, hfov=hfov(FOCAL)) as wide:
            for turn in range(number, count, len(FLATS)):
                rng = generator(int(settings["seed"]), "audit", "zoom", turn)
                eye, yaw, first = random_start(wide, rng)
                focal = FOCAL * rng.uniform(1.2, 2.5)
                with open_simulator(glb, resolution=IMAGE_SIZE, hfov=hfov(focal)) as narrow:
                    yield TruePair(first, shoot(narrow, camera_pose(eye, yaw), focal))


def collage(rng: np.random.Generator) -> Image:
    """Draw a wall hung with pictures of all sizes."""
    width, height = WALL_PIXELS
    wall: NDArray[np.float32] = np.clip(Materials(rng).plaster((190, 180, 170))(rng, height, width), 0, 255)
    for _ in range(150):
        high, wide = (int(side) for side in rng.integers(50, 170, 2))
        top, left = int(rng.integers(0, height - high)), int(rng.integers(0, width - wide))
        wall[top : top + high, left : left + wide] = (poster if rng.random() < 0.5 else landscape)(rng, high, wide)
    return np.clip(wall, 0, 255).astype(np.uint8)


def smooth(rng: np.random.Generator) -> Image:
    """Draw a wall with soft stains and hardly any edges."""
    width, height = WALL_PIXELS
    stains: NDArray[np.float32] = cv2.resize(
        rng.uniform(120, 190, (6, 9, 3)).astype(np.float32), WALL_PIXELS, interpolation=cv2.INTER_CUBIC
    )
    return np.clip(stains + rng.normal(0, 1.5, (height, width, 1)), 0, 255).astype(np.uint8)


def repeated(rng: np.random.Generator) -> Image:
    """Draw a wall of identical tiles."""
    side = 64
    tile = np.clip(poster(rng, side, side), 0, 255).astype(np.uint8)
    return np.tile(tile, (WALL_PIXELS[1] // side, WALL_PIXELS[0] // side, 1))


def quad(centre: tuple[float, float, float], size: tuple[float, float], texture: int, level: bool = False) -> Part:
    """Make an upright rectangle that faces +z, or a level one that faces up."""
    x, y = (np.array([-1, 1, 1, -1]) * size[0] / 2, np.array([1, 1, -1, -1]) * size[1] / 2)
    corners = np.stack([x, np.zeros(4), -y] if level else [x, y, np.zeros(4)], axis=1) + np.array(centre)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    return Part(texture, corners, uv, np.array([[0, 3, 2], [0, 2, 1]]))


def wall_scene(texture: Image, board: tuple[Image, float] | None = None) -> bytes:
    """Make a GLB of a textured wall at z = 0, a floor to stand on, and optionally a board (image, x) in front."""
    pictures = [texture, np.full((8, 8, 3), 120, np.uint8), *([board[0]] if board else [])]
    nodes = [
        ("wall", [quad((0, 0, 0), WALL_SIZE, 0)]),
        ("floor", [quad((0, -1.5, 9), (4, 4), 1, level=True)]),
        *([("board", [quad((board[1], 0.0, 0.5), (1.2, 1.2), 2)])] if board else []),
    ]
    encoded = [
        cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for image in pictures
    ]
    return glb_bytes(nodes, encoded, {"purpose": "audit"})


def wall_pose(rng: np.random.Generator, near: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Draw a camera pose in front of the wall; with ``near``, within about a metre of that position."""
    if near is None:
        place = np.array([rng.uniform(-2, 2), rng.uniform(-1, 1), rng.uniform(1.6, 2.6)])
    else:
        place = near + rng.uniform([-1.0, -0.4, -0.5], [1.0, 0.4, 0.5])
    return camera_pose(place, rng.uniform(-20, 20), rng.uniform(-8, 8))


def walls(settings: Mapping[str, Any], count: int, name: str, paint: Callable[..., Image]) -> Iterator[TruePair]:
    """Yield pairs of views of a painted wall, about a metre apart at most."""
    rng = generator(int(settings["seed"]), "audit", name)
    with open_simulator(wall_scene(paint(rng)), resolution=IMAGE_SIZE, hfov=hfov(FOCAL)) as simulator:
        for turn in range(count):
            draw = generator(int(settings["seed"]), "audit", name, turn)
            pose = wall_pose(draw)
            yield TruePair(shoot(simulator, pose), shoot(simulator, wall_pose(draw, pose[:3, 3])))


def moving_object(settings: Mapping[str, Any], count: int) -> Iterator[TruePair]:
    """Yield pairs with a board in front of the wall that moves sideways by 0.2 to 0.6 m between the views."""
    seed = int(settings["seed"])
    rng = generator(seed, "audit", "moving_object")
    wall, picture = collage(rng), np.clip(poster(rng, 192, 192), 0, 255).astype(np.uint8)
    for turn in range(count):
        draw = generator(seed, "audit", "moving_object", turn)
        pose = wall_pose(draw)
        at = pose[0, 3] + draw.uniform(-0.4, 0.4)
        step = draw.choice([-1, 1]) * draw.uniform(0.2, 0.6)
        shots = []
        for x, view in ((at, pose), (at + step, wall_pose(draw, pose[:3, 3]))):
            scene = wall_scene(wall, (picture, float(x)))
            with open_simulator(scene, resolution=IMAGE_SIZE, hfov=hfov(FOCAL)) as simulator:
                shots.append(shoot(simulator, view))
        yield TruePair(shots[0], shots[1], {3: np.array([step, 0.0, 0.0])})


def motion_blur(rng: np.random.Generator, image: Image) -> Image:
    """Blur along a streak of 9 pixels in a random direction."""
    kernel = np.zeros((9, 9), np.float32)
    kernel[4] = 1 / 9
    turned = cv2.warpAffine(kernel, cv2.getRotationMatrix2D((4, 4), rng.uniform(0, 180), 1), (9, 9))
    blurred: Image = cv2.filter2D(image, -1, turned / turned.sum())
    return blurred


def low_light(rng: np.random.Generator, image: Image) -> Image:
    """Divide the light by eight, add sensor noise, and brighten four times."""
    return np.clip((image / 8 + rng.normal(0, 2, image.shape)).round() * 4, 0, 255).astype(np.uint8)


def jpeg_30(rng: np.random.Generator, image: Image) -> Image:
    """Encode as JPEG of quality 30 and decode."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def with_effect(settings: Mapping[str, Any], count: int, effect: Effect) -> Iterator[TruePair]:
    """Yield the pairs of :func:`deep_room` with an effect applied to both images."""
    for turn, pair in enumerate(deep_room(settings, count)):
        rng = generator(int(settings["seed"]), "audit", effect.__name__, turn)
        first, second = (dataclasses.replace(shot, image=effect(rng, shot.image)) for shot in (pair.first, pair.second))
        yield TruePair(first, second)


SCENES: dict[str, Callable[[Mapping[str, Any], int], Iterator[TruePair]]] = {
    "planar": lambda settings, count: walls(settings, count, "planar", collage),
    "deep_room": deep_room,
    "low_texture": lambda settings, count: walls(settings, count, "low_texture", smooth),
    "repetitive_texture": lambda settings, count: walls(settings, count, "repetitive_texture", repeated),
    "moving_object": moving_object,
    "motion_blur": lambda settings, count: with_effect(settings, count, motion_blur),
    "low_light": lambda settings, count: with_effect(settings, count, low_light),
    "jpeg_30": lambda settings, count: with_effect(settings, count, jpeg_30),
    "pure_rotation": pure_rotation,
    "zoom": zoom,
}
