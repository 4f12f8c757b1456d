"""Photos of one place, in the layouts of DeMoN and 3DStreetView."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

from mimic_core.errors import MimicError
from mimic_core.files import atomic_folder
from mimic_core.progress import track
from mimic_core.sampledata.camera import Camera
from mimic_core.sampledata.flat import flat_glb
from mimic_core.sampledata.names import flat_names, write_marker
from mimic_core.sampledata.pictures import write_jpeg
from mimic_core.sampledata.street import HALF_ROAD, HALF_WIDTH, KERB, Street, open_street, street
from mimic_core.sampledata.views import pose_towards
from mimic_core.seeding import generator
from mimic_core.simulators import Simulator, View, camera_pose, open_simulator
from mimic_core.simulators.embedded import Renderer

DEMON_SIZE, DEMON_HFOV = (192, 256), 70.0  # (height, width) pixels, degrees
BASELINES, TURNS = (0.15, 0.7), 14.0  # metres between two views of a sample; degrees that they are turned, deviation
STREET_SIZE, STREET_HFOVS = (384, 512), (52.0, 68.0)  # (height, width) pixels, degrees
DISTANCES, OBLIQUE = (5.5, 13.0), 48.0  # metres to a target; degrees from its front at most
EYES, TARGET_HEIGHTS = (1.5, 2.3), (2.0, 4.6)  # metres
CLEAR = 0.6  # metres that what stands at the middle of a photo may lie before its target
TRIES = 200  # places drawn for one photo


def write_demon(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``rooms.h5``, where ``<sample>/frames/t0/v0/image`` and so on are WebP bytes, and below ``rooms`` a folder
    of JPEGs a sample: those of every second flat.

    Args:
        settings: ``seed``, ``flats``, ``demon_samples`` (in a flat) and ``camera``.
    """
    options = [cv2.IMWRITE_WEBP_QUALITY, 95]
    with atomic_folder(folder) as temporary:
        with h5py.File(temporary / "rooms.h5", "w") as file:
            for flat, name in enumerate(track(flat_names(settings)["demon"], "flats")):
                with open_simulator(flat_glb(name, settings), resolution=DEMON_SIZE, hfov=DEMON_HFOV) as simulator:
                    for number in range(settings["demon_samples"]):
                        for index, picture in enumerate(sample(simulator, name, number, settings)):
                            if flat % 2:
                                write_jpeg(temporary / "rooms" / f"{name}.{number:03d}" / f"v{index}.jpg", picture)
                                continue
                            group = file.require_group(f"{name}.{number:03d}/frames/t0/v{index}")
                            data = cv2.imencode(".webp", picture[..., ::-1], options)[1].reshape(-1)
                            group.create_dataset("image", data=data, track_times=False)
        write_marker(temporary, settings, "DeMoN")


def sample(simulator: Simulator, name: str, number: int, settings: Mapping[str, Any]) -> list[np.ndarray]:
    """Two to four pictures of one place in a flat, from places up to 0.7 m apart."""
    seed = int(settings["seed"])
    rng = generator(seed, "demon", name, number)
    camera = Camera(settings, generator(seed, "camera", "demon", name, number))
    for _ in range(TRIES):
        feet = simulator.random_navigable_point(rng)
        yaw, height = rng.uniform(0, 360), rng.uniform(1.2, 1.7)
        if simulator.island_radius(feet) < 1.5:
            continue
        poses = [camera_pose(feet + np.array([0, height, 0]), yaw, rng.uniform(-15, 5))]
        for _ in range(int(rng.integers(1, 4))):
            way = rng.normal(size=3) * [1, 0, 1]
            there = simulator.try_step(feet, way / np.linalg.norm(way) * rng.uniform(*BASELINES))
            eye = there + np.array([0, height + rng.normal(0, 0.05), 0])
            poses.append(camera_pose(eye, yaw + rng.normal(0, TURNS), rng.uniform(-15, 5), rng.normal(0, 2)))
        views = [simulator.render(pose) for pose in poses]
        if all(worth_looking_at(view) for view in views):
            return [camera.take(view.rgb) for view in views]
    raise MimicError("no sample is worth looking at", where=name, remedy="change sample.seed")


def worth_looking_at(view: View) -> bool:
    """Whether a view shows more than a wall nearby."""
    near, median = np.percentile(view.depth, (5, 50))
    return bool(near > 0.45 and median > 1.2)


def write_3dstreetview(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<street>/<dataset>_<image>_<view>_<target>.jpg``: points on house fronts, each seen from several places.

    A street is a dataset of its own, in which target ids start anew.

    Args:
        settings: ``seed``, ``streets`` (``count``, ``targets`` in a street, ``photos`` of a target) and ``camera``.
    """
    seed, wanted = int(settings["seed"]), settings["streets"]
    with atomic_folder(folder) as temporary:
        for number in track(range(wanted["count"]), "streets"):
            name = f"street{number:03d}"
            scene = street(name, settings)
            renderers = [open_street(scene.glb, STREET_SIZE, hfov) for hfov in STREET_HFOVS]
            for index in range(wanted["targets"]):
                rng = generator(seed, "target", name, index)
                target = draw_target(scene, index, rng)
                for photo in range(wanted["photos"]):
                    camera = Camera(settings, generator(seed, "camera", name, index, photo))
                    picture = photo_of(renderers[int(rng.integers(2))], target, rng, name)
                    image = index * wanted["photos"] + photo
                    file = f"{number:04d}_{image:07d}_{photo:07d}_{index:07d}.jpg"
                    write_jpeg(temporary / name / file, camera.take(picture))
            for renderer in renderers:
                renderer.close()
        write_marker(temporary, settings, "3DStreetView")


def draw_target(scene: Street, index: int, rng: np.random.Generator) -> np.ndarray:
    """A point on a house front, (x, y, z) metres: the houses in the middle of the street take turns."""
    middle = np.flatnonzero(np.abs(scene.fronts.mean(axis=1)) < np.abs(scene.fronts).max() - 4.0)
    house = middle[index % len(middle)]
    left, right = scene.fronts[house]
    x = rng.uniform(left + 1.0, right - 1.0)
    return np.array([x, KERB + rng.uniform(*TARGET_HEIGHTS), scene.sides[house] * HALF_WIDTH])


def photo_of(renderer: Renderer, target: np.ndarray, rng: np.random.Generator, where: str) -> np.ndarray:
    """A picture of a target from somewhere across the street, with nothing before it: HxWx3 uint8."""
    side = np.sign(target[2])
    for _ in range(TRIES):
        across = rng.uniform(-HALF_WIDTH + 0.8, HALF_ROAD) * side
        eye = np.array([target[0] + rng.uniform(-9, 9), rng.uniform(*EYES), across])
        away = target - eye
        oblique = np.degrees(np.arctan2(abs(away[0]), abs(away[2])))
        distance = float(np.linalg.norm(away))
        if not DISTANCES[0] < distance < DISTANCES[1] or oblique > OBLIQUE:
            continue
        view = renderer.render(pose_towards(eye, target, rng, 2.5))
        height, width = view.depth.shape
        middle = view.depth[height // 2 - 20 : height // 2 + 20, width // 2 - 20 : width // 2 + 20]
        near = np.percentile(view.depth, 3)
        if np.median(middle) > distance - CLEAR and near > 1.6:
            return view.rgb
    raise MimicError("a house front cannot be seen from anywhere", where=where, remedy="change sample.seed")
