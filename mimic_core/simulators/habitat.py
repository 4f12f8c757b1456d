"""habitat-sim 0.3, the paper's renderer, behind this package's interface.

habitat_sim is only imported when a scene is opened, so that everything else works without it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any, List, Tuple

import numpy as np

from mimic_core.foreign import open_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.simulators.base import MAXIMAL_EXTENT, Rendering, Simulator, not_in_metres
from mimic_core.simulators.navmesh import navmesh_beside

REMEDY = "create the environment: conda env create -f envs/habitat.yaml (and activate it)"
POINT_TRIES = 100
COLOURS, ALL_LAYERS = 0, 1  # two agents, since walks only need colours


def habitat_available() -> bool:
    """Whether habitat_sim can be imported here; it is not imported."""
    return "habitat_sim" in sys.modules or importlib.util.find_spec("habitat_sim") is not None


def import_habitat() -> Any:
    """Import the module habitat_sim.

    Raises:
        MimicError: it is not installed, or does not load.
    """
    try:
        habitat_sim = importlib.import_module("habitat_sim")
    except ImportError as error:
        raise MimicError(f"the habitat simulator does not run here ({error})", remedy=REMEDY) from error
    return habitat_sim


class HabitatSimulator(Simulator):
    """A scene opened with habitat-sim: no lights, back faces culled, sliding along obstacles.

    The navigation mesh next to the scene is used; without one, Recast computes it with habitat-sim's defaults. Its
    cells are 0.2 m high, so that a walker's feet are up to 0.2 m above the floor. Meant for a process that does nothing
    else (:mod:`mimic_core.simulators.serving`): some damaged files crash it, and another OpenGL context in the process
    freezes its picture.

    Args:
        path: a .glb file.
        size: (height, width) in pixels.
        hfov: horizontal field of view, degrees.
        up: the file's upward axis, ``y`` or ``z``.

    Raises:
        UnreadableError: the file is missing, damaged or not in metres, or has nothing to walk on.
        MimicError: habitat_sim is not installed.
    """

    backend = "habitat"

    def __init__(self, path: Path, size: Tuple[int, int], hfov: float, up: str = "y") -> None:
        self.name, self.hfov = str(path), hfov
        check_header(path)
        self.habitat = import_habitat()
        self.folder = tempfile.mkdtemp(prefix="mimic-habitat-")
        self.sim: Any = None
        try:
            self.sim = self.open(path.resolve(), size, up)
            self.check_size()
            self.load_navmesh(path)
        except Exception as error:
            self.close()
            if isinstance(error, MimicError):
                raise
            what = f"habitat-sim cannot open this scene ({type(error).__name__}: {error})"
            remedy = (
                "check the file, set frames.simulator to moderngl, which reads more of glTF, or leave this scene out"
            )
            raise UnreadableError(what, where=path, remedy=remedy) from error

    def open(self, path: Path, size: Tuple[int, int], up: str) -> Any:
        """Start habitat-sim on the scene with both agents."""
        settings = self.habitat.SimulatorConfiguration()
        settings.scene_id = self.scene_id(path, up)
        settings.gpu_device_id = -1  # any OpenGL device, Mesa's software renderer too
        settings.enable_physics = False
        kinds = self.habitat.SensorType
        layers = [("rgb", kinds.COLOR), ("depth", kinds.DEPTH), ("semantic", kinds.SEMANTIC)]
        agents = []
        for chosen in ([("walk_rgb", kinds.COLOR)], layers):  # names are unique over all agents
            agent = self.habitat.agent.AgentConfiguration()
            agent.sensor_specifications = [self.sensor(name, kind, size) for name, kind in chosen]
            agents.append(agent)
        return self.habitat.Simulator(self.habitat.Configuration(settings, agents))

    def scene_id(self, path: Path, up: str) -> str:
        """Write a stage config that states the axes and return its path; habitat-sim takes a bare GLB as z-up."""
        axes = {"y": ([0, 1, 0], [0, 0, -1]), "z": ([0, 0, 1], [0, 1, 0])}[up]
        config = Path(self.folder) / "scene.stage_config.json"
        entries = {"render_asset": str(path), "up": axes[0], "front": axes[1]}
        config.write_text(json.dumps(entries), encoding="utf-8")
        return str(config)

    def sensor(self, name: str, kind: Any, size: Tuple[int, int]) -> Any:
        """Create a camera at the agent's origin, so that the agent's pose is the camera's."""
        spec = self.habitat.CameraSensorSpec()
        spec.uuid, spec.sensor_type = name, kind
        spec.resolution, spec.hfov = list(size), self.hfov
        spec.position = [0.0, 0.0, 0.0]
        return spec

    def check_size(self) -> None:
        """Refuse a scene that cannot be in metres."""
        box = self.sim.get_active_scene_graph().get_root_node().cumulative_bb
        extent = [float(side) for side in box.size()]
        if not all(0 <= side <= MAXIMAL_EXTENT for side in extent):  # also refuses NaN
            raise not_in_metres(extent, self.name)

    def load_navmesh(self, path: Path) -> None:
        """Load the navigation mesh next to the scene, or compute it."""
        beside, pathfinder = navmesh_beside(path), self.sim.pathfinder
        if beside:
            if not pathfinder.load_nav_mesh(str(beside)):
                what = "this navigation mesh is damaged"
                raise UnreadableError(what, where=beside, remedy="fetch it again, or delete it to have it computed")
        else:
            settings = self.habitat.NavMeshSettings()
            settings.set_defaults()
            self.sim.recompute_navmesh(pathfinder, settings)
        if not pathfinder.is_loaded or not pathfinder.navigable_area > 0:
            remedy = "check its upward axis (up: y or z) and scale"
            raise UnreadableError("this scene has no floor to walk on", where=self.name, remedy=remedy)

    def observe(self, agent: int, camera_to_world: np.ndarray) -> Any:
        """Return what an agent's sensors see from a camera pose."""
        state = self.habitat.AgentState()
        state.position = np.asarray(camera_to_world, dtype=np.float32)[:3, 3]
        state.rotation = quaternion(camera_to_world)
        self.sim.get_agent(agent).set_state(state, reset_sensors=True)
        return self.sim.get_sensor_observations(agent)

    def render(self, camera_to_world: np.ndarray) -> Rendering:
        """See :meth:`Simulator.render`.

        Normals are computed from depth, so they are off by a pixel at edges. Instances are habitat-sim's semantic
        ids: all 0 if the scene has no semantic annotation.
        """
        seen = self.observe(ALL_LAYERS, camera_to_world)
        depth = np.array(seen["depth"], dtype=np.float32)
        rgb = np.ascontiguousarray(seen["rgb"][..., :3])
        return Rendering(rgb, depth, normals_from_depth(depth, self.hfov), np.array(seen["semantic"], dtype=np.uint32))

    def render_rgb(self, camera_to_world: np.ndarray) -> np.ndarray:
        """See :meth:`Simulator.render_rgb`."""
        return np.ascontiguousarray(self.observe(COLOURS, camera_to_world)["walk_rgb"][..., :3])

    def random_navigable_point(self, rng: np.random.Generator) -> np.ndarray:
        """See :meth:`Simulator.random_navigable_point`; habitat-sim draws it, seeded from ``rng``."""
        return self.seeded_point(int(rng.integers(2**31)))

    def seeded_point(self, seed: int) -> np.ndarray:
        """Return the navigable point that habitat-sim draws with this seed."""
        self.sim.seed(seed)
        point = np.array(self.sim.pathfinder.get_random_navigable_point(POINT_TRIES, -1), dtype=float)
        if not np.isfinite(point).all():
            what = "habitat-sim finds no point to walk on in this scene"
            raise UnreadableError(what, where=self.name, remedy="delete its .navmesh file, or leave this scene out")
        return point

    def island_radius(self, point: np.ndarray) -> float:
        """See :meth:`Simulator.island_radius`."""
        return float(self.sim.pathfinder.island_radius(np.asarray(point, dtype=np.float32)))

    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """See :meth:`Simulator.try_step`."""
        start = np.asarray(point, dtype=np.float32)
        end = start + np.asarray(displacement, dtype=np.float32)
        return np.array(self.sim.pathfinder.try_step(start, end), dtype=float)

    def close(self) -> None:
        """See :meth:`Simulator.close`."""
        if self.sim is not None:
            self.sim.close()
            self.sim = None
        shutil.rmtree(self.folder, ignore_errors=True)


def check_header(path: Path) -> None:
    """Refuse files that are not GLBs or are cut short, since habitat-sim may crash on them."""
    with open_regular(path, "a scene") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(12)
    if start[:4] != b"glTF":
        raise UnreadableError("this is not a binary glTF (GLB) file", where=path, remedy="give a .glb file")
    if len(start) < 12 or struct.unpack("<I", start[8:])[0] > size:
        remedy = "fetch or write the file again"
        raise UnreadableError("this GLB is damaged or cut short", where=path, remedy=remedy)


def quaternion(camera_to_world: np.ndarray) -> List[float]:
    """Return the rotation of a 4x4 pose as habitat-sim's [x, y, z, w]."""
    turn = np.asarray(camera_to_world, dtype=float)[:3, :3]
    # the eigenvector of the greatest eigenvalue (Bar-Itzhack 2000): no special cases
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = turn
    form = np.array(
        [
            [xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, yy - xx - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    return [float(value) for value in np.linalg.eigh(form)[1][:, -1]]


def normals_from_depth(depth: np.ndarray, hfov: float) -> np.ndarray:
    """Return HxWx3 float32 unit normals in the camera's frame from planar depth (HxW, metres); 0 where depth is 0.

    Along each axis, the neighbour with the more similar depth is used, so that edges stay sharp.
    """
    height, width = depth.shape
    focal = width / 2 / np.tan(np.radians(hfov) / 2)
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)
    points = np.stack([x * depth / focal, y * depth / focal, -depth], axis=-1).astype(float)
    normals = np.cross(slopes(points, 1), -slopes(points, 0))
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.where(depth[..., None] > 0, normals / np.maximum(length, 1e-20), 0).astype(np.float32)


def slopes(points: np.ndarray, axis: int) -> np.ndarray:
    """Return differences of HxWx3 points to the next or previous one along an axis, whichever is nearer in depth."""
    if points.shape[axis] < 2:
        return np.zeros_like(points)
    step = np.diff(points, axis=axis)
    first, last = np.take(step, [0], axis), np.take(step, [-1], axis)
    ahead, behind = np.concatenate([step, last], axis), np.concatenate([first, step], axis)
    return np.where(np.abs(ahead[..., 2:]) <= np.abs(behind[..., 2:]), ahead, behind)
