"""The simulator interface and the conventions that all simulators share.

World: metres, y up. Camera: looks along its own -z axis, x to the right, y up (OpenGL, glTF and habitat-sim alike).
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence, Tuple, TypeVar, Union

import numpy as np

from mimic_core.kit.errors import UnreadableError

Self = TypeVar("Self", bound="Simulator")
MAXIMAL_EXTENT = 500.0  # metres: a larger scene is probably not in metres
MAXIMAL_VOXELS = 2_000_000_000
CELL = 0.05  # metres: side of a voxel
ROOM_IN_CENTIMETRES = 150.0  # a scene whose sides are all this long may be in centimetres
Resolution = Union[int, Tuple[int, int]]  # one number: square; two: height, width


@dataclass(frozen=True)
class Rendering:
    """What a camera sees. Pixels without a surface are 0 in every layer.

    Attributes:
        rgb: HxWx3 uint8.
        depth: HxW float32, metres along the viewing axis (planar depth, as NYUv2 has it).
        normals: HxWx3 float32, unit normals of the surface in the camera's frame: x right, y up, z towards the viewer.
        instances: HxW uint32, number of the visible scene node, counted from 1.
    """

    rgb: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    instances: np.ndarray


def camera_pose(position: Any, yaw_degrees: float, pitch_degrees: float = 0.0, roll_degrees: float = 0.0) -> np.ndarray:
    """Return the 4x4 camera-to-world matrix of a camera at ``position`` (metres).

    Yaw 0 looks along -z and increases to the left (towards -x), pitch increases upwards, and roll tilts the camera to
    its left.
    """
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw_degrees, pitch_degrees, roll_degrees))
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    tilt = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = turn @ nod @ tilt
    pose[:3, 3] = position
    return pose


def heading(yaw_degrees: float) -> np.ndarray:
    """Return the horizontal unit vector in which a camera with this yaw looks."""
    yaw = math.radians(yaw_degrees)
    return np.array([-math.sin(yaw), 0.0, -math.cos(yaw)])


def height_and_width(resolution: Resolution) -> Tuple[int, int]:
    """Return ``resolution`` as (height, width) in pixels."""
    if isinstance(resolution, int):
        return resolution, resolution
    height, width = resolution
    return int(height), int(width)


def format_extent(extent: Sequence[float]) -> str:
    """Return the sides of a box (metres) as text."""
    return " x ".join(f"{side:.3g}" for side in extent) + " m"


def not_in_metres(extent: Sequence[float], where: Union[str, Path]) -> UnreadableError:
    """Return the error for a scene that exceeds MAXIMAL_EXTENT or MAXIMAL_VOXELS."""
    what = f"this scene measures {format_extent(extent)}"
    if min(extent) >= ROOM_IN_CENTIMETRES:
        return UnreadableError(
            f"{what}: its unit may be centimetres", where=where, remedy="scale it to metres, or leave it out"
        )
    what += f"; walks are limited to scenes of {MAXIMAL_EXTENT:g} m and {MAXIMAL_VOXELS:,} cells"
    return UnreadableError(what, where=where, remedy="cut it into pieces, scale it to metres, or leave it out")


def voxel_count(extent: Sequence[float], cell: float = CELL) -> float:
    """Return the number of voxels in a box of this extent (metres)."""
    return float(np.prod(np.asarray(extent) / cell + 2))


def fits(extent: Sequence[float], cell: float = CELL) -> bool:
    """Whether a scene of this extent (metres) is small enough to walk through; False for NaN."""
    return bool(max(extent) <= MAXIMAL_EXTENT and voxel_count(extent, cell) <= MAXIMAL_VOXELS)


class Simulator(abc.ABC):
    """A scene that can be rendered and walked through. Points are positions of the walker's feet: (x, y, z) in metres.

    Use it in a ``with`` statement, or call :meth:`close` when done.
    """

    backend = "none"
    remarks: Tuple[str, ...] = ()  # notes on the scene, such as how many faces were left out

    @abc.abstractmethod
    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """Render all layers from a 4x4 camera pose (see :func:`camera_pose`)."""

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """Render only colours, HxWx3 uint8; simulators that can skip the other layers do."""
        return self.render(camera_to_world).rgb

    @abc.abstractmethod
    def random_navigable_point(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a point uniformly from the walkable area."""

    @abc.abstractmethod
    def island_radius(self, point: np.ndarray) -> float:
        """Return the radius (metres) of the connected walkable area around ``point``, 0 if that is not walkable.

        The radius is the greatest distance of a point in the area from its centroid.
        """

    @abc.abstractmethod
    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """Move by ``displacement`` (metres) as far as obstacles allow, sliding along them; return the end point."""

    @abc.abstractmethod
    def close(self) -> None:
        """Free the scene's resources."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
