"""Views of a scene, sampled by a random walk (paper appendix C.1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mimic_core.frames.settings import SceneSettings
from mimic_core.frames.views import VIEW_SIZE, Remark, View
from mimic_core.kit.progress import Progress
from mimic_core.simulators import WalkSettings, open_simulator, walk_views
from mimic_core.sources import Unit

MANY_PLAIN = 0.5  # a larger share of single-colour views is reported


def scene_views(unit: Unit, settings: SceneSettings, seed: int) -> Iterator[View | Remark]:
    """Walk through a scene and yield its views sample by sample; a view's group is its sample number.

    Renders are 256x256, cropped to the central 224x224 as in the released scripts. The simulator's remarks come first;
    a remark that most views are of one colour comes last.

    Raises:
        UnreadableError: the scene cannot be opened, or has no walkable area of at least ``min_island_radius``.
    """
    walk = WalkSettings(minimal_island_radius=settings.min_island_radius)
    simulator = open_simulator(
        unit.path, backend=settings.simulator, resolution=walk.resolution, hfov=walk.hfov, up=settings.up_axis
    )
    views = plain = 0
    try:
        yield from (Remark(text) for text in simulator.remarks)
        with Progress(settings.samples_per_scene, "samples") as progress:
            for sample in range(settings.samples_per_scene):
                for view in walk_views(simulator, walk, seed=seed, scene=unit.name, number=sample):
                    x, y, z = (float(value) for value in view.position)
                    image = center_crop(view.rgb)
                    views += 1
                    plain += one_colour(image)
                    yield View(image, position=(x, y, z), yaw=view.yaw, group=sample, role=view.station)
                progress.step(note=unit.name)
    finally:
        simulator.close()
    if plain > MANY_PLAIN * views:
        which = f"all {views:,}" if plain == views else f"{plain:,} of {views:,}"
        yield Remark(f"{which} views are of one colour: the scene may have gaps or lack supported textures")


def one_colour(image: NDArray[np.uint8]) -> bool:
    """Return whether all pixels of an image are equal."""
    middle = image[VIEW_SIZE // 2, VIEW_SIZE // 2]
    return bool((image[0] == middle).all() and (image == middle).all())  # the first row usually decides


def center_crop(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the central 224x224 pixels."""
    top, left = (image.shape[0] - VIEW_SIZE) // 2, (image.shape[1] - VIEW_SIZE) // 2
    return np.ascontiguousarray(image[top : top + VIEW_SIZE, left : left + VIEW_SIZE])
