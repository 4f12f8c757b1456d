"""Opening a scene with the best simulator this machine has."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Tuple, Union, overload

from mimic_core.foreign import foreign, open_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.simulators.base import Resolution, Simulator, height_and_width
from mimic_core.simulators.basis import EXTENSIONS as BASIS
from mimic_core.simulators.basis import transcoder_available

if TYPE_CHECKING:
    from mimic_core.simulators.embedded import EmbeddedSimulator

log = logging.getLogger("mimic")

BACKENDS = ("auto", "moderngl", "embreex", "habitat")
BACKEND_VARIABLE = "MIMIC_SIMULATOR_BACKEND"  # takes the place of backend="auto"
LONGEST_JSON = 64 * 2**20  # bytes of a GLB's JSON that are looked at


@overload
def open_simulator(
    glb: bytes, *, backend: str = ..., resolution: Resolution = ..., hfov: float = ..., up: str = ...
) -> EmbeddedSimulator: ...


@overload
def open_simulator(
    glb: Union[str, Path], *, backend: str = ..., resolution: Resolution = ..., hfov: float = ..., up: str = ...
) -> Simulator: ...


def open_simulator(
    glb: Union[str, Path, bytes],
    *,
    backend: str = "auto",
    resolution: Resolution = 256,
    hfov: float = 90.0,
    up: str = "y",
) -> Simulator:
    """Open a scene.

    Args:
        glb: path of a binary glTF file, or its bytes.
        backend: ``moderngl`` (OpenGL on EGL, fast), ``embreex`` (ray casting, needs no graphics library), ``habitat``
            (habitat-sim, in a process of its own; files only) or ``auto``: what the environment variable
            MIMIC_SIMULATOR_BACKEND says, else habitat for a file with Basis Universal textures where nothing but
            habitat-sim decodes them, else moderngl, else embreex with a line in the log where there is no EGL.
        resolution: side of the square picture, or (height, width), pixels.
        hfov: horizontal field of view, degrees.
        up: the file's upward axis: ``y`` as glTF says, ``z`` as HM3D, Gibson and Matterport3D have it.

    Raises:
        UnreadableError: the file is no GLB, cannot be drawn, or has no floor to walk on.
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

    from mimic_core.simulators.habitat import habitat_available
    from mimic_core.simulators.remote import RemoteSimulator, remote_available

    if isinstance(glb, bytes):
        if backend == "habitat":
            raise MimicError("habitat-sim opens files, not bytes", remedy="write the scene to a .glb file")
    elif backend == "habitat" or (
        backend == "auto" and (remote_available() or habitat_available()) and needs_habitat(Path(glb))
    ):
        return RemoteSimulator(Path(glb), size, hfov, up)
    return open_embedded(glb, backend, size, hfov, up)


def needs_habitat(path: Path) -> bool:
    """Whether a file's textures are Basis Universal, by the extensions that it lists, and nothing here decodes them."""
    if transcoder_available():
        return False
    try:
        with open_regular(path, "a scene") as file:
            start = file.read(20)
            document = file.read(min(int.from_bytes(start[12:16], "little"), LONGEST_JSON))
            return start[:4] == b"glTF" and any(name.encode() in document for name in BASIS)
    except (OSError, UnreadableError):
        return False  # opening it says what is wrong


def open_embedded(
    glb: Union[str, Path, bytes], backend: str, size: Tuple[int, int], hfov: float, up: str
) -> EmbeddedSimulator:
    """Open a scene with a renderer of this package; ``size`` is (height, width).

    The navigation mesh beside a file is used, else where one can walk is worked out from the scene.
    """
    from mimic_core.simulators.embedded import EmbeddedSimulator
    from mimic_core.simulators.navigation import WalkableGrid
    from mimic_core.simulators.navmesh import navmesh_beside, read_navmesh
    from mimic_core.simulators.raycast import RaycastRenderer
    from mimic_core.simulators.scene import load_scene

    scene = load_scene(glb, up=up)
    beside = None if isinstance(glb, bytes) else navmesh_beside(Path(glb))
    navmesh = read_navmesh(beside) if beside else None
    with foreign("this scene cannot be walked through", scene.name, "leave it out"):
        grid = WalkableGrid(scene.vertices, scene.faces, name=scene.name, navmesh=navmesh)
    with foreign("this scene cannot be drawn", scene.name, "make its textures smaller, or leave it out"):
        if backend != "embreex":
            from mimic_core.simulators.raster import NoEGLError, RasterRenderer

            try:
                return EmbeddedSimulator(scene, grid, RasterRenderer(scene, size, hfov))
            except NoEGLError as error:
                if backend == "moderngl":
                    raise
                log.info("no OpenGL on EGL here (%s): rendering with embreex, about thirty times slower", error.reason)
        return EmbeddedSimulator(scene, grid, RaycastRenderer(scene, size, hfov))
