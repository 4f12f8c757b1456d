"""A stand-in for the calls of habitat_sim 0.3 that the adapter makes, drawn and walked by the embedded simulator.

Its conventions are habitat-sim's: a bare GLB is z-up, a stage config states its axes, rotations are [x, y, z, w],
colours have four channels, an agent's state moves its sensors, sensor names are unique.
"""

import json
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mimic_core.simulators.opening import open_simulator

AXES = {((0, 1, 0), (0, 0, -1)): "y", ((0, 0, 1), (0, 1, 0)): "z"}
events: list[str] = []  # what was done with navigation meshes


class SensorType(Enum):
    COLOR = 1
    DEPTH = 2
    SEMANTIC = 4


class SimulatorConfiguration(SimpleNamespace):
    pass


class CameraSensorSpec(SimpleNamespace):
    pass


class AgentState(SimpleNamespace):
    pass


class Configuration:
    def __init__(self, sim_cfg: SimulatorConfiguration, agents: list[Any]) -> None:
        self.sim_cfg, self.agents = sim_cfg, agents


class NavMeshSettings:
    def set_defaults(self) -> None:
        self.agent_radius, self.agent_height = 0.1, 1.5


agent = SimpleNamespace(AgentConfiguration=SimpleNamespace)


class PathFinder:
    def __init__(self, grid: Any) -> None:
        self.grid, self.is_loaded, self.rng = grid, False, np.random.default_rng()

    @property
    def navigable_area(self) -> float:
        return float(len(self.grid.cells) * self.grid.walker.cell**2)

    def load_nav_mesh(self, path: str) -> bool:
        events.append("loaded " + Path(path).name)
        self.is_loaded = Path(path).read_bytes()[:4] == b"TESM"
        return self.is_loaded

    def get_random_navigable_point(self, max_tries: int, island_index: int) -> np.ndarray:
        return self.grid.random_point(self.rng).astype(np.float32)

    def island_radius(self, point: np.ndarray) -> float:
        return self.grid.island_radius(point)

    def try_step(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return self.grid.try_step(start, end - start).astype(np.float32)


class Agent:
    def __init__(self) -> None:
        self.pose = np.eye(4)

    def set_state(self, state: AgentState, reset_sensors: bool = True) -> None:
        x, y, z, w = state.rotation
        assert abs(np.linalg.norm(state.rotation) - 1) < 1e-6 and reset_sensors
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        self.pose = np.eye(4)
        self.pose[:3, :3] = np.eye(3) + 2 * w * cross + 2 * cross @ cross
        self.pose[:3, 3] = state.position


class Simulator:
    def __init__(self, config: Configuration) -> None:
        stage, up = Path(config.sim_cfg.scene_id), "z"
        if stage.name.endswith(".stage_config.json"):
            entries = json.loads(stage.read_text())
            stage, up = stage.parent / entries["render_asset"], AXES[tuple(entries["up"]), tuple(entries["front"])]
        specs = [spec for configured in config.agents for spec in configured.sensor_specifications]
        assert len({spec.uuid for spec in specs}) == len(specs) and config.sim_cfg.gpu_device_id == -1
        assert all(spec.position == [0.0, 0.0, 0.0] for spec in specs)  # habitat-sim's own default is 1.5 m up
        self.sensors = [configured.sensor_specifications for configured in config.agents]
        resolution, hfov = tuple(specs[0].resolution), specs[0].hfov
        self.inner = open_simulator(stage.read_bytes(), resolution=resolution, hfov=hfov, up=up)
        self.agents = [Agent() for _ in config.agents]
        self.pathfinder = PathFinder(self.inner.grid)

    def get_active_scene_graph(self) -> SimpleNamespace:
        extent = np.ptp(self.inner.scene.vertices, axis=0)
        node = SimpleNamespace(cumulative_bb=SimpleNamespace(size=lambda: extent))
        return SimpleNamespace(get_root_node=lambda: node)

    def recompute_navmesh(self, pathfinder: PathFinder, settings: NavMeshSettings) -> bool:
        events.append("computed")
        pathfinder.is_loaded = settings.agent_radius == 0.1
        return pathfinder.is_loaded

    def seed(self, number: int) -> None:
        self.pathfinder.rng = np.random.default_rng(number)

    def get_agent(self, number: int) -> Agent:
        return self.agents[number]

    def get_sensor_observations(self, agent_ids: int = 0) -> dict[str, np.ndarray]:
        view = self.inner.render(self.agents[agent_ids].pose)
        opaque = np.full((*view.depth.shape, 1), 255, np.uint8)
        layers = {
            SensorType.COLOR: np.concatenate([view.rgb, opaque], axis=-1),
            SensorType.DEPTH: view.depth,
            SensorType.SEMANTIC: np.zeros(view.depth.shape, np.uint32),
        }
        return {spec.uuid: layers[spec.sensor_type] for spec in self.sensors[agent_ids]}

    def close(self) -> None:
        self.inner.close()
