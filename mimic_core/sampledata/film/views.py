"""Random views of a flat that show more than a wall: the pictures of the downstream tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.simulators import Rendering, Resolution, Simulator, camera_pose, open_simulator

HEIGHTS = (1.2, 1.8)  # metres above the floor
PITCHES = (-20.0, 10.0)  # degrees
MIN_DEPTH, MIN_MEDIAN = 0.4, 0.7  # metres (5th percentile, median); nearer, a view shows little but a wall
MIN_ISLAND_RADIUS = 1.5  # metres; excludes islands such as the floor inside a wardrobe
TRIES = 100  # poses drawn for one view
VIEWS_PER_FLAT = 10  # that a small dataset takes


def random_views(
    name: str, count: int, settings: Mapping[str, Any], *, purpose: str, resolution: Resolution, hfov: float
) -> Iterator[Rendering]:
    """Yield ``count`` views of flat ``name`` from random places, heights, yaws and pitches.

    A view depends only on the seed, the flat, ``purpose`` and its number.

    Raises:
        MimicError: the flat is so cramped that every view tried shows little but a wall.
    """
    if not count:
        return
    with open_simulator(flat_glb(name, settings), resolution=resolution, hfov=hfov) as simulator:
        for number in range(count):
            yield random_view(simulator, generator(int(settings["seed"]), "view", purpose, name, number), name)


def random_view(simulator: Simulator, rng: np.random.Generator, where: str) -> Rendering:
    """Render a view from a random place, height, yaw and pitch; ``where`` names the flat in the error."""
    for _ in range(TRIES):
        feet = simulator.random_navigable_point(rng)
        if simulator.island_radius(feet) < MIN_ISLAND_RADIUS:
            continue
        eye = feet + np.array([0.0, rng.uniform(*HEIGHTS), 0.0])
        view = simulator.render(camera_pose(eye, rng.uniform(0, 360), rng.uniform(*PITCHES)))
        near, median = np.percentile(view.depth, (5, 50))
        if near >= MIN_DEPTH and median >= MIN_MEDIAN:
            return view
    raise MimicError("every view tried shows little but a wall", where=where, remedy="change the seed")


def pose_towards(eye: np.ndarray, target: np.ndarray, rng: np.random.Generator, spread: float) -> np.ndarray:
    """Return the 4x4 pose of a camera at ``eye``, aimed at ``target`` with a deviation of ``spread`` degrees."""
    x, y, z = target - eye
    yaw, pitch = np.degrees(np.arctan2(-x, -z)), np.degrees(np.arctan2(y, np.hypot(x, z)))
    return camera_pose(eye, float(yaw + rng.normal(0, spread)), float(pitch + rng.normal(0, spread)))


def some_flats(names: list[str], wanted: int) -> list[str]:
    """Return only as many flats as ``wanted`` views need: building a flat takes as long as rendering 100 views."""
    return names[: max(1, -(-wanted // VIEWS_PER_FLAT))]
