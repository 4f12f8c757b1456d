"""Groups of photos of one target in the layout of 3DStreetView (A. Zamir et al., ECCV 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.street import HALF_ROAD, HALF_WIDTH, KERB, Street, open_street, street
from mimic_core.sampledata.film.camera import Camera
from mimic_core.sampledata.film.pictures import write_jpeg
from mimic_core.sampledata.film.views import pose_towards
from mimic_core.sampledata.names import write_marker
from mimic_core.simulators.embedded import Renderer

STREET_SIZE, STREET_HFOVS = (384, 512), (52.0, 68.0)  # (height, width) pixels, degrees
DISTANCES, MAX_ANGLE = (5.5, 13.0), 48.0  # metres to a target; degrees off its normal
EYES, TARGET_HEIGHTS = (1.5, 2.3), (2.0, 4.6)  # metres
CLEARANCE = 0.6  # metres in front of the target that the surface at a photo's centre may be
TRIES = 200  # positions drawn for one photo


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<street>/<dataset>_<image>_<view>_<target>.jpg``: points on house fronts, each from several positions.

    Each street is a separate dataset with its own target ids.

    Args:
        settings: ``seed``, ``streets`` (``count``, ``targets`` per street, ``photos`` per target) and ``camera``.
    """
    seed, wanted = int(settings["seed"]), settings["streets"]
    with atomic_folder(folder) as temporary:
        for number in track(range(wanted["count"]), "streets"):
            name = f"street{number:03d}"
            scene = street(name, settings)
            renderers = open_street(scene.glb, STREET_SIZE, STREET_HFOVS)
            for index in range(wanted["targets"]):
                rng = generator(seed, "target", name, index)
                target = draw_target(scene, index, rng)
                for photo in range(wanted["photos"]):
                    camera = Camera(settings, generator(seed, "camera", name, index, photo))
                    picture = take_photo(renderers[int(rng.integers(2))], target, rng, name)
                    image = index * wanted["photos"] + photo
                    file = f"{number:04d}_{image:07d}_{photo:07d}_{index:07d}.jpg"
                    write_jpeg(temporary / name / file, camera.take(picture))
            for renderer in renderers:
                renderer.close()
        write_marker(temporary, settings, "3DStreetView")


def draw_target(scene: Street, index: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a point on a house front, (x, y, z) metres; houses in the middle of the street take turns."""
    middle = np.flatnonzero(np.abs(scene.fronts.mean(axis=1)) < np.abs(scene.fronts).max() - 4.0)
    house = middle[index % len(middle)]
    left, right = scene.fronts[house]
    x = rng.uniform(left + 1.0, right - 1.0)
    return np.array([x, KERB + rng.uniform(*TARGET_HEIGHTS), scene.sides[house] * HALF_WIDTH])


def take_photo(renderer: Renderer, target: np.ndarray, rng: np.random.Generator, where: str) -> np.ndarray:
    """Take an unobstructed picture of a target from across the street: HxWx3 uint8."""
    side = np.sign(target[2])
    for _ in range(TRIES):
        across = rng.uniform(-HALF_WIDTH + 0.8, HALF_ROAD) * side
        eye = np.array([target[0] + rng.uniform(-9, 9), rng.uniform(*EYES), across])
        away = target - eye
        oblique = np.degrees(np.arctan2(abs(away[0]), abs(away[2])))
        distance = float(np.linalg.norm(away))
        if not DISTANCES[0] < distance < DISTANCES[1] or oblique > MAX_ANGLE:
            continue
        view = renderer.render(pose_towards(eye, target, rng, 2.5))
        height, width = view.depth.shape
        middle = view.depth[height // 2 - 20 : height // 2 + 20, width // 2 - 20 : width // 2 + 20]
        near = np.percentile(view.depth, 3)
        if np.median(middle) > distance - CLEARANCE and near > 1.6:
            return view.rgb
    raise MimicError("a house front is hidden from every position tried", where=where, remedy="change the seed")
