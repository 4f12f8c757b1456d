"""Random views of a flat that are worth looking at: the pictures of the downstream tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mimic_core.errors import MimicError
from mimic_core.sampledata.flat import flat_glb
from mimic_core.seeding import generator
from mimic_core.simulators import View, camera_pose, open_simulator
from mimic_core.simulators.base import Resolution

HEIGHTS = (1.2, 1.8)  # metres above the floor
PITCHES = (-20.0, 10.0)  # degrees
NEAREST, NEAREST_MEDIAN = 0.4, 0.7  # metres; nearer than these (5th percentile, median) a view shows little but a wall
SMALLEST_ISLAND = 1.5  # metres: the floor inside a wardrobe is an island, too
TRIES = 100  # poses drawn for one view


def random_views(
    name: str, count: int, settings: Mapping[str, Any], *, purpose: str, resolution: Resolution, hfov: float
) -> Iterator[View]:
    """``count`` views of flat ``name`` from random places, heights, yaws and pitches.

    A view depends on the seed, the flat, ``purpose`` and its number alone.

    Raises:
        MimicError: the flat is so cramped that no view is worth looking at.
    """
    if not count:
        return
    with open_simulator(flat_glb(name, settings), resolution=resolution, hfov=hfov) as simulator:
        for number in range(count):
            rng = generator(int(settings["seed"]), "view", purpose, name, number)
            for _ in range(TRIES):
                feet = simulator.random_navigable_point(rng)
                if simulator.island_radius(feet) < SMALLEST_ISLAND:
                    continue
                eye = feet + np.array([0.0, rng.uniform(*HEIGHTS), 0.0])
                view = simulator.render(camera_pose(eye, rng.uniform(0, 360), rng.uniform(*PITCHES)))
                near, median = np.percentile(view.depth, (5, 50))
                if near >= NEAREST and median >= NEAREST_MEDIAN:
                    break
            else:
                raise MimicError("no view is worth looking at", where=name, remedy="change sample.seed")
            yield view
