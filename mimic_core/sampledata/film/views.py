"""Random views of a flat that are worth looking at: the pictures of the downstream tasks."""

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
NEAREST, NEAREST_MEDIAN = 0.4, 0.7  # metres; nearer than these (5th percentile, median) a view shows little but a wall
SMALLEST_ISLAND = 1.5  # metres: the floor inside a wardrobe is an island, too
TRIES = 100  # poses drawn for one view
VIEWS_A_FLAT = 10  # that a small set takes from a flat


def random_views(
    name: str, count: int, settings: Mapping[str, Any], *, purpose: str, resolution: Resolution, hfov: float
) -> Iterator[Rendering]:
    """``count`` views of flat ``name`` from random places, heights, yaws and pitches.

    A view depends on the seed, the flat, ``purpose`` and its number alone.

    Raises:
        MimicError: the flat is so cramped that no view is worth looking at.
    """
    if not count:
        return
    with open_simulator(flat_glb(name, settings), resolution=resolution, hfov=hfov) as simulator:
        for number in range(count):
            yield random_view(simulator, generator(int(settings["seed"]), "view", purpose, name, number), name)


def random_view(simulator: Simulator, rng: np.random.Generator, where: str) -> Rendering:
    """A view from a random place, height, yaw and pitch; ``where`` names the flat in the error."""
    for _ in range(TRIES):
        feet = simulator.random_navigable_point(rng)
        if simulator.island_radius(feet) < SMALLEST_ISLAND:
            continue
        eye = feet + np.array([0.0, rng.uniform(*HEIGHTS), 0.0])
        view = simulator.render(camera_pose(eye, rng.uniform(0, 360), rng.uniform(*PITCHES)))
        near, median = np.percentile(view.depth, (5, 50))
        if near >= NEAREST and median >= NEAREST_MEDIAN:
            return view
    raise MimicError("no view is worth looking at", where=where, remedy="change sample.seed")


def pose_towards(eye: np.ndarray, target: np.ndarray, rng: np.random.Generator, spread: float) -> np.ndarray:
    """The 4x4 pose of a camera at ``eye`` that looks at ``target`` but for a random turn of ``spread`` degrees."""
    x, y, z = target - eye
    yaw, pitch = np.degrees(np.arctan2(-x, -z)), np.degrees(np.arctan2(y, np.hypot(x, z)))
    return camera_pose(eye, float(yaw + rng.normal(0, spread)), float(pitch + rng.normal(0, spread)))


def some_flats(names: list[str], wanted: int) -> list[str]:
    """As many of the flats as make sense for so many views: building one takes as long as a hundred views."""
    return names[: max(1, -(-wanted // VIEWS_A_FLAT))]
