"""Videos in the layout of Objectron (A. Ahmadyan et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.film.camera import Camera
from mimic_core.sampledata.film.objects import object_scene, orbit_poses
from mimic_core.sampledata.film.walkthrough import (
    SIZE,
    encode,
)
from mimic_core.sampledata.names import write_marker
from mimic_core.simulators import open_simulator

OBJECT_FPS, OBJECT_HFOV, OBJECT_SPEED = 15, 66.0, 22.0  # frames a second, degrees, degrees a second around the object
CLASSES = ("book", "bottle", "cereal_box", "chair", "cup", "laptop")  # Objectron's names


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<class>/batch-<i>/<j>/video.MOV``: a hand-held camera circles an object.

    Args:
        settings: ``seed``, ``objects`` (``objectron``: how many), ``video_seconds`` (``objectron``) and ``camera``.
    """
    seed, frames = int(settings["seed"]), max(2, round(float(settings["video_seconds"]["objectron"]) * OBJECT_FPS))
    with atomic_folder(folder) as temporary:
        for number in track(range(settings["objects"]["objectron"]), "videos"):
            kind, name = CLASSES[number % len(CLASSES)], f"objectron {number}"
            place = temporary / kind / f"batch-{1 + number // len(CLASSES)}" / str(number)
            place.mkdir(parents=True)
            scene, rng = object_scene(kind, name, settings), generator(seed, "around", name)
            camera = Camera(settings, generator(seed, "camera", name))
            poses = orbit_poses(scene, frames, OBJECT_SPEED * frames / OBJECT_FPS, rng, fps=OBJECT_FPS)
            with open_simulator(scene.glb, resolution=SIZE, hfov=OBJECT_HFOV) as simulator:
                pictures = (camera.take(simulator.render_rgb(pose)) for pose in poses)
                encode(pictures, place / "video.MOV", fps=OBJECT_FPS)
        write_marker(temporary, settings, "Objectron")
