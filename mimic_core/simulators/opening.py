"""Opening a scene with the best simulator this machine has."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Union

from mimic_core.errors import MimicError
from mimic_core.simulators.base import Resolution, height_and_width

if TYPE_CHECKING:
    from mimic_core.simulators.embedded import EmbeddedSimulator

log = logging.getLogger("mimic")

BACKENDS = ("auto", "moderngl", "embreex")
BACKEND_VARIABLE = "MIMIC_SIMULATOR_BACKEND"  # takes the place of backend="auto"


def open_simulator(
    glb: Union[str, Path, bytes],
    *,
    backend: str = "auto",
    resolution: Resolution = 256,
    hfov: float = 90.0,
    up: str = "y",
) -> EmbeddedSimulator:
    """Open a scene.

    Args:
        glb: path of a binary glTF file, or its bytes.
        backend: ``moderngl`` (OpenGL on EGL, fast), ``embreex`` (ray casting, needs no graphics library) or ``auto``:
            what the environment variable MIMIC_SIMULATOR_BACKEND says, else moderngl, else embreex with a line in
            the log where there is no EGL.
        resolution: side of the square picture, or (height, width), pixels.
        hfov: horizontal field of view, degrees.
        up: the file's upward axis: ``y`` as glTF says, ``z`` as HM3D, Gibson and Matterport3D have it.

    Raises:
        UnreadableError: the file is no GLB, needs habitat-sim, or has no floor to walk on.
        MimicError: an argument is out of range, or the backend asked for does not run here.
    """
    if backend == "auto":
        backend = os.environ.get(BACKEND_VARIABLE, "auto")
    if backend not in BACKENDS:
        raise MimicError(f"unknown simulator backend {backend!r}", remedy=f"use one of {', '.join(BACKENDS)}")
    if up not in ("y", "z"):
        raise MimicError(f"unknown upward axis {up!r}", remedy="use y or z")
    size = height_and_width(resolution)
    if min(size) < 1 or not 0 < hfov < 180:
        raise MimicError(f"cannot render {size[0]}x{size[1]} pixels at {hfov:g} degrees", remedy="correct the settings")

    from mimic_core.simulators.embedded import EmbeddedSimulator
    from mimic_core.simulators.navigation import WalkableGrid
    from mimic_core.simulators.raycast import RaycastRenderer
    from mimic_core.simulators.scene import load_scene

    scene = load_scene(glb, up=up)
    grid = WalkableGrid(scene.vertices, scene.faces, name=scene.name)
    if backend != "embreex":
        from mimic_core.simulators.raster import NoEGLError, RasterRenderer

        try:
            return EmbeddedSimulator(scene, grid, RasterRenderer(scene, size, hfov))
        except NoEGLError as error:
            if backend == "moderngl":
                raise
            log.info("no OpenGL on EGL here (%s): rendering with embreex, about thirty times slower", error.reason)
    return EmbeddedSimulator(scene, grid, RaycastRenderer(scene, size, hfov))
