"""The random walk with which MIMIC renders 3D scenes (MIMIC appendix C.1 and its released scripts). NumPy only.

One sample has three stations, A, B and C, half a metre to a metre apart, with eight views around the camera at each.
Pairs are later chosen with view 1 from A and view 2 from B or C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from mimic_core.kit.errors import UnreadableError
from mimic_core.kit.seeding import generator
from mimic_core.simulators.base import Simulator, camera_pose, heading

FIRST_TURNS = (60.0, 120.0, 240.0, 300.0)  # degrees, A to B: neither straight on nor back
SECOND_TURNS = (0.0, 60.0, 120.0, 240.0, 300.0)  # degrees, B to C: straight on is allowed, back is not
START_TRIES = 200


@dataclass(frozen=True)
class WalkSettings:
    """Settings of the walk; the defaults are those of the released scripts.

    Attributes:
        sensor_height: range of the camera's height above the floor, metres; drawn once per sample.
        views: views around the camera at each station, evenly spread over 360 degrees.
        move: range of the distance from one station to the next, metres; obstacles may shorten it.
        resolution: side of the square render, pixels.
        hfov: horizontal field of view, degrees.
        minimal_island_radius: walks start only where the walkable area has at least this radius, metres.
    """

    sensor_height: Tuple[float, float] = (1.2, 1.8)
    views: int = 8
    move: Tuple[float, float] = (0.5, 1.0)
    resolution: int = 256
    hfov: float = 90.0
    minimal_island_radius: float = 6.0


@dataclass(frozen=True)
class WalkView:
    """One view of a sample.

    Attributes:
        station: "A", "B" or "C".
        index: number of the view at its station, 0 first, turning left.
        position: the camera's (x, y, z), metres.
        yaw: degrees, 0 to 360.
        rgb: HxWx3 uint8.
    """

    station: str
    index: int
    position: np.ndarray
    yaw: float
    rgb: np.ndarray


def walk_views(simulator: Simulator, walk: WalkSettings, *, seed: int, scene: str, number: int) -> List[WalkView]:
    """Render the views of sample ``number``: 3 stations x ``walk.views``, determined by seed, scene and number.

    Raises:
        UnreadableError: the scene has no walkable area as large as ``walk.minimal_island_radius``.
    """
    rng = generator(seed, "walk", scene, number)
    # a separate generator: simulators draw differently often for a point, which would change the turns
    point = start_point(simulator, walk, scene, generator(seed, "walk start", scene, number))
    height = rng.uniform(*walk.sensor_height)
    yaw = rng.uniform(0.0, 360.0)
    views: List[WalkView] = []
    for station, turns in (("A", (0.0,)), ("B", FIRST_TURNS), ("C", SECOND_TURNS)):
        yaw += turns[rng.integers(len(turns))]
        if station != "A":
            point = simulator.try_step(point, heading(yaw) * rng.uniform(*walk.move))
        position = np.asarray(point, dtype=float) + np.array([0.0, height, 0.0])
        for index in range(walk.views):
            angle = (yaw + index * 360.0 / walk.views) % 360.0
            rgb = simulator.render_rgb(camera_pose(position, angle))
            views.append(WalkView(station, index, position, angle, rgb))
    return views


def start_point(simulator: Simulator, walk: WalkSettings, scene: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a random navigable point whose walkable area is large enough."""
    for _ in range(START_TRIES):
        point = simulator.random_navigable_point(rng)
        if simulator.island_radius(point) >= walk.minimal_island_radius:
            return point
    raise UnreadableError(
        f"no walkable area with a radius of {walk.minimal_island_radius:g} m was found in {START_TRIES} tries",
        where=scene,
        remedy="lower minimal_island_radius, or leave this scene out",
    )
