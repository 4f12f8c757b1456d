"""Whole flats: the same every time, unlike each other, furnished, closed and walkable."""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mimic_core.kit.seeding import generator
from mimic_core.sampledata import flat_glb, write_flat
from mimic_core.sampledata.build.floor_plan import draw_plan
from mimic_core.simulators import WalkSettings, camera_pose, open_simulator, walk_views

PROGRAM = """
import hashlib
from mimic_core.sampledata import flat_glb
print(hashlib.sha256(flat_glb("flat002", {"seed": 4})).hexdigest())
"""


def test_same_seed_same_bytes_elsewhere(flats: dict[str, bytes]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(flats["flat002"]).hexdigest()


def test_another_seed_is_another_flat(flats: dict[str, bytes]) -> None:
    assert names_in(flat_glb("flat002", {"seed": 5})) != names_in(flats["flat002"])


def test_same_seed_same_bytes_here_in_a_file_written_whole(
    flats: dict[str, bytes], sample_settings: dict, tmp_path: Path
) -> None:
    path = tmp_path / "00001-flat001" / "flat001.glb"
    write_flat("flat001", path, sample_settings | {"demon_samples": 99})
    assert path.read_bytes() == flats["flat001"] and [*path.parent.iterdir()] == [path]


def names_in(glb: bytes) -> list[str]:
    document = json.loads(glb[20 : 20 + struct.unpack_from("<I", glb, 12)[0]])
    return [node["name"] for node in document["nodes"]]


def test_flats_differ_and_are_furnished(flats: dict[str, bytes]) -> None:
    furniture = [sorted(name.split(": ")[1] for name in names_in(glb)) for glb in flats.values()]
    assert len({tuple(names) for names in furniture}) == len(flats)
    for names, glb in zip(furniture, flats.values(), strict=True):
        assert {"floor", "ceiling", "north wall", "door frame", "window", "picture", "ceiling lamp"} <= set(names)
        assert len(names) > 40 and len(set(names)) > 15
        assert len(glb) < 8e6


def test_every_room_belongs_to_the_largest_island(flats: dict[str, bytes]) -> None:
    for name, glb in flats.items():
        plan = draw_plan(generator(4, "flat", name, "plan"))
        with open_simulator(glb, backend="embreex", resolution=8) as simulator:
            grid = simulator.grid
            main = int(np.bincount(grid.islands[grid.islands > 0]).argmax())
            cells = np.argwhere(grid.islands == main)
            x, z = (grid.low[[0, 2]] + (cells + 0.5) * grid.walker.cell).T
            for room in plan.rooms:
                share = ((x > room.x0) & (x < room.x1) & (z > room.z0) & (z < room.z1)).sum()
                assert share * grid.walker.cell**2 > 0.15 * room.area, (name, room)


def test_no_gaps_to_be_seen_through(flats: dict[str, bytes]) -> None:
    rng = np.random.default_rng(0)
    for glb in flats.values():
        with open_simulator(glb, resolution=96) as simulator:
            for _ in range(25):
                eye = simulator.random_navigable_point(rng) + np.array([0, 1.5, 0])
                view = simulator.render(camera_pose(eye, rng.uniform(0, 360), rng.uniform(-40, 40)))
                assert (view.depth > 0).all()


def test_pictures_have_texture_and_light(flats: dict[str, bytes]) -> None:
    """Measured over walks through eight flats: two thirds of all views have a Laplacian variance over 1000."""
    variances, brightness = [], []
    for name, glb in flats.items():
        with open_simulator(glb) as simulator:
            walk = WalkSettings(minimal_island_radius=1.5)
            for view in walk_views(simulator, walk, seed=0, scene=name, number=0):
                grey = cv2.cvtColor(np.ascontiguousarray(view.rgb[16:240, 16:240]), cv2.COLOR_RGB2GRAY)
                variances.append(cv2.Laplacian(grey, cv2.CV_64F).var())
                brightness.append(grey.mean())
    assert np.median(variances) > 800
    assert 70 < np.median(brightness) < 190 and np.std(brightness) > 8


@pytest.mark.parametrize("name", ["flat000", "flat002"])
def test_surfaces_turned_to_the_light_are_brighter(flats: dict[str, bytes], name: str) -> None:
    """Light is baked: the same room's walls differ in brightness, and corners are darker than middles."""
    with open_simulator(flats[name], resolution=128) as simulator:
        rng = np.random.default_rng(1)
        by_wall: dict[int, list[float]] = {}
        for _ in range(16):
            eye = simulator.random_navigable_point(rng) + np.array([0, 1.5, 0])
            view = simulator.render(camera_pose(eye, rng.uniform(0, 360)))
            for number in np.unique(view.instances):
                if "wall" in simulator.scene.instance_names[number - 1]:
                    by_wall.setdefault(int(number), []).append(float(view.rgb[view.instances == number].mean()))
        assert np.std([np.mean(values) for values in by_wall.values()]) > 8
