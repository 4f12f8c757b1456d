"""Groups of photos of one place in the layout of DeMoN (B. Ummenhofer et al., CVPR 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.film.camera import Camera
from mimic_core.sampledata.film.pictures import write_jpeg
from mimic_core.sampledata.names import flat_names, write_marker
from mimic_core.simulators import Rendering, Simulator, camera_pose, open_simulator

DEMON_SIZE, DEMON_HFOV = (192, 256), 70.0  # (height, width) pixels, degrees
BASELINES, TURNS = (0.15, 0.7), 14.0  # metres from a sample's first view to the others; deviation of their yaw, degrees
TRIES = 200  # positions drawn for one sample


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``rooms.h5``, where ``<sample>/frames/t0/v0/image`` and so on are WebP bytes; samples of every second flat
    are written as JPEGs in ``rooms/<sample>`` instead.

    Args:
        settings: ``seed``, ``flats``, ``demon_samples`` (per flat) and ``camera``.
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
    """Take two to four pictures of one place in a flat, from positions up to 0.7 m from the first."""
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
            direction = rng.normal(size=3) * [1, 0, 1]
            there = simulator.try_step(feet, direction / np.linalg.norm(direction) * rng.uniform(*BASELINES))
            eye = there + np.array([0, height + rng.normal(0, 0.05), 0])
            poses.append(camera_pose(eye, yaw + rng.normal(0, TURNS), rng.uniform(-15, 5), rng.normal(0, 2)))
        views = [simulator.render(pose) for pose in poses]
        if all(worth_looking_at(view) for view in views):
            return [camera.take(view.rgb) for view in views]
    raise MimicError("every sample tried has a view of little but a wall", where=name, remedy="change the seed")


def worth_looking_at(view: Rendering) -> bool:
    """Return whether a view shows more than a wall nearby."""
    near, median = np.percentile(view.depth, (5, 50))
    return bool(near > 0.45 and median > 1.2)
