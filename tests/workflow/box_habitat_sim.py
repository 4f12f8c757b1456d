"""A stand-in for habitat_sim 0.3 that needs NumPy alone: a box of 6 x 3 x 8 metres with walls of noise.

A scene's file is not looked at, but for one whose name says that it ends the process.
"""

import json
import os
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import numpy as np

__version__ = "0.3.3-box"
BOX = np.array([6.0, 3.0, 8.0])
NOISE = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
SensorType = Enum("SensorType", "COLOR DEPTH SEMANTIC")
SimulatorConfiguration = CameraSensorSpec = AgentState = SimpleNamespace
agent = SimpleNamespace(AgentConfiguration=SimpleNamespace)


class NavMeshSettings:
    def set_defaults(self):
        self.agent_radius = 0.1


def Configuration(sim_cfg, agents):
    return SimpleNamespace(sim_cfg=sim_cfg, agents=agents)


class PathFinder:
    is_loaded, navigable_area = True, 40.0

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def get_random_navigable_point(self, max_tries, island_index):
        return self.rng.uniform([1, 0, 1], [5, 0, 7]).astype(np.float32)

    def island_radius(self, point):
        return 5.0

    def try_step(self, start, end):
        return np.clip(end, [0.5, 0, 0.5], [5.5, 0, 7.5]).astype(np.float32)


class Simulator:
    def __init__(self, config):
        scene = json.loads(Path(config.sim_cfg.scene_id).read_text())["render_asset"]
        if "crash" in scene:
            os.abort()
        print("what habitat-sim says goes nowhere", flush=True)
        self.specs = [configured.sensor_specifications for configured in config.agents]
        self.agents = [SimpleNamespace() for _ in self.specs]
        for one in self.agents:
            one.set_state = lambda state, reset_sensors, one=one: setattr(one, "state", state)
        self.pathfinder = PathFinder()

    def get_active_scene_graph(self):
        node = SimpleNamespace(cumulative_bb=SimpleNamespace(size=lambda: BOX))
        return SimpleNamespace(get_root_node=lambda: node)

    def recompute_navmesh(self, pathfinder, settings):
        return True

    def seed(self, number):
        self.pathfinder.rng = np.random.default_rng(number)

    def get_agent(self, number):
        return self.agents[number]

    def get_sensor_observations(self, agent_ids):
        spec = self.specs[agent_ids][0]
        height, width = spec.resolution
        x, y, z, w = self.agents[agent_ids].state.rotation
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        turn = np.eye(3) + 2 * w * cross + 2 * cross @ cross
        focal = width / 2 / np.tan(np.radians(spec.hfov) / 2)
        across, down = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)
        rays = np.stack([across / focal, down / focal, -np.ones_like(across)], axis=-1) @ turn.T
        start = np.asarray(self.agents[agent_ids].state.position)
        with np.errstate(divide="ignore"):
            reach = np.where(rays > 0, (BOX - start) / rays, -start / rays)
        wall = reach.argmin(axis=-1)
        depth = reach.min(axis=-1)
        place = start + rays * depth[..., None]
        beside = np.array([[1, 2], [0, 2], [0, 1]])[wall]
        row, column = (np.take_along_axis(place, beside[..., k, None], -1)[..., 0] * 8 for k in (0, 1))
        rgb = NOISE[wall, row.astype(int) % 64, column.astype(int) % 64]
        opaque = np.concatenate([rgb, np.full((height, width, 1), 255, np.uint8)], axis=-1)
        layers = {"COLOR": opaque, "DEPTH": depth.astype(np.float32), "SEMANTIC": np.zeros((height, width), np.uint32)}
        return {one.uuid: layers[one.sensor_type.name] for one in self.specs[agent_ids]}

    def close(self):
        pass
