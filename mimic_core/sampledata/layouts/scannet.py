"""Recordings in the layout of ScanNet (A. Dai et al., CVPR 2017)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.film.camera import Camera
from mimic_core.sampledata.film.pictures import write_jpeg
from mimic_core.sampledata.film.walkthrough import HFOV, SIZE, camera_poses
from mimic_core.sampledata.names import flat_names, write_marker
from mimic_core.simulators import open_simulator

RECORDED_FPS, SLOWER = 30, 1.5  # frames a second; factor by which the walk is slower than in videos
SENSOR, VERSION, JPEG, ZLIB_UINT16, DEPTH_SHIFT = b"StructureSensor", 4, 2, 1, 1000.0
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # ScanNet's cameras look along +z, y down


@dataclass(frozen=True)
class Shot:
    """A frame of a recording: rgb HxWx3 uint8, depth HxW float32 metres (0: none), pose 4x4 camera to world."""

    rgb: np.ndarray
    depth: np.ndarray
    pose: np.ndarray


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<scene>/<scene>.sens`` or, for every second scene, extracted frames ``<scene>/color/<frame>.jpg``.

    Args:
        settings: ``seed``, ``flats``, ``sequence_frames`` (``scannet``) and ``camera``.
    """
    frames = int(settings["sequence_frames"]["scannet"])
    with atomic_folder(folder) as temporary:
        for number, name in enumerate(flat_names(settings)["scannet"]):
            scene = f"scene{number:04d}_00"
            shots = recording(name, frames, settings)
            if number % 2:
                for index, shot in enumerate(shots):
                    write_jpeg(temporary / scene / "color" / f"{index}.jpg", shot.rgb)
            else:
                (temporary / scene).mkdir()
                write_sens(temporary / scene / f"{scene}.sens", shots, frames)
        write_marker(temporary, settings, "ScanNet")


def recording(name: str, frames: int, settings: Mapping[str, Any]) -> Iterator[Shot]:
    """Yield the frames of a slow walk through flat ``name`` with a depth camera."""
    seed = int(settings["seed"])
    camera = Camera(settings, generator(seed, "camera", "scannet", name))
    with open_simulator(flat_glb(name, settings), resolution=SIZE, hfov=HFOV) as simulator:
        paced = round(RECORDED_FPS * SLOWER)
        poses = camera_poses(simulator.grid, frames, generator(seed, "scannet", name), fps=paced)
        for pose in track(poses, "frames"):
            view = simulator.render(pose)
            yield Shot(camera.take(view.rgb), view.depth, pose)


def write_sens(path: Path, shots: Iterator[Shot], frames: int) -> None:
    """Write a recording as ScanNet's ``.sens``, version 4: JPEG colour, zlib-compressed millimetres of depth.

    Args:
        frames: number of shots, which the file's header contains.
    """
    height, width = SIZE
    focal = width / 2 / np.tan(np.radians(HFOV) / 2)
    intrinsic = np.array([[focal, 0, (width - 1) / 2, 0], [0, focal, (height - 1) / 2, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    matrices = b"".join(matrix.astype("<f4").tobytes() for matrix in (intrinsic, np.eye(4), intrinsic, np.eye(4)))
    with path.open("wb") as file:
        file.write(struct.pack("<IQ", VERSION, len(SENSOR)) + SENSOR + matrices)
        file.write(struct.pack("<iiIIIIfQ", JPEG, ZLIB_UINT16, width, height, width, height, DEPTH_SHIFT, frames))
        for number, shot in enumerate(shots):
            colour = cv2.imencode(".jpg", shot.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
            millimetres = np.clip(np.rint(shot.depth * DEPTH_SHIFT), 0, 65535).astype("<u2")
            depth = zlib.compress(millimetres.tobytes(), 3)
            stamp = (number + 1) * 1_000_000 // RECORDED_FPS  # a stamp of 0 means none
            file.write((shot.pose @ FLIP).astype("<f4").tobytes())
            file.write(struct.pack("<QQQQ", stamp, stamp, len(colour), len(depth)) + colour + depth)
