"""Open a scene with the best simulator available on this machine."""

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
BACKEND_VARIABLE = "MIMIC_SIMULATOR_BACKEND"  # replaces backend="auto"
LONGEST_JSON = 64 * 2**20  # bytes of a GLB's JSON that are searched


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
            (habitat-sim, in a separate process; files only) or ``auto``: the environment variable
            MIMIC_SIMULATOR_BACKEND if set, else habitat for a file with Basis Universal textures that only habitat-sim
            can decode here, else moderngl, else (without EGL) embreex with a log message.
        resolution: side of the square image, or (height, width), pixels.
        hfov: horizontal field of view, degrees.
        up: the file's upward axis: ``y`` as in glTF, ``z`` as in HM3D, Gibson and Matterport3D.

    Raises:
        UnreadableError: the file is not a GLB, cannot be rendered, or has no floor to walk on.
        MimicError: an argument is out of range, or the backend does not run here.
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
    """Whether a file lists Basis Universal textures, and no decoder for them is installed here."""
    if transcoder_available():
        return False
    try:
        with open_regular(path, "a scene") as file:
            start = file.read(20)
            document = file.read(min(int.from_bytes(start[12:16], "little"), LONGEST_JSON))
            return start[:4] == b"glTF" and any(name.encode() in document for name in BASIS)
    except (OSError, UnreadableError):
        return False  # opening it reports the error


def open_embedded(
    glb: Union[str, Path, bytes], backend: str, size: Tuple[int, int], hfov: float, up: str
) -> EmbeddedSimulator:
    """Open a scene with a renderer of this package; ``size`` is (height, width).

    The navigation mesh next to a file is used; without one, the walkable area is computed from the scene.
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
    with foreign("this scene cannot be rendered", scene.name, "make its textures smaller, or leave it out"):
        if backend != "embreex":
            from mimic_core.simulators.raster import NoEGLError, RasterRenderer

            try:
                return EmbeddedSimulator(scene, grid, RasterRenderer(scene, size, hfov))
            except NoEGLError as error:
                if backend == "moderngl":
                    raise
                log.info("no OpenGL on EGL here (%s): rendering with embreex, about thirty times slower", error.reason)
        return EmbeddedSimulator(scene, grid, RaycastRenderer(scene, size, hfov))
