"""Frames in the layout of CO3D (J. Reizenstein et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.film.camera import Camera
from mimic_core.sampledata.film.objects import object_scene, orbit_poses
from mimic_core.sampledata.film.pictures import write_jpeg
from mimic_core.sampledata.film.walkthrough import SIZE
from mimic_core.sampledata.names import write_marker
from mimic_core.simulators import open_simulator

CO3D_FPS, CO3D_HFOV, DEGREES_A_FRAME = 15, 62.0, 4.4
CATEGORIES = ("toytruck", "plant", "vase", "chair", "ball", "cup", "laptop", "bottle")  # CO3D's names


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<category>/<sequence>/images/frame000001.jpg`` and so on: a camera circles an object.

    Args:
        settings: ``seed``, ``objects`` (``co3d``: how many), ``sequence_frames`` (``co3d``) and ``camera``.
    """
    seed, frames = int(settings["seed"]), int(settings["sequence_frames"]["co3d"])
    with atomic_folder(folder) as temporary:
        for number in track(range(settings["objects"]["co3d"]), "sequences"):
            kind, name = CATEGORIES[number % len(CATEGORIES)], f"co3d {number}"
            place = temporary / kind / f"{100 + number}_{11000 + 37 * number}_{22000 + 53 * number}" / "images"
            scene, rng = object_scene(kind, name, settings), generator(seed, "around", name)
            camera = Camera(settings, generator(seed, "camera", name))
            poses = orbit_poses(scene, frames, DEGREES_A_FRAME * frames, rng, fps=CO3D_FPS)
            with open_simulator(scene.glb, resolution=SIZE, hfov=CO3D_HFOV) as simulator:
                for index, pose in enumerate(poses, 1):
                    write_jpeg(place / f"frame{index:06d}.jpg", camera.take(simulator.render_rgb(pose)))
        write_marker(temporary, settings, "CO3D")
