"""Navigation meshes beside a scene. The golden files were written by Recast (recast-navigation 0.43.1) from these
scenes, with the settings that habitat-sim has by default."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import GOLDEN
from unit.simulators.known_room import MakeScene
from unit.simulators.test_storeys import UPPER, level, ramp

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators import open_simulator
from mimic_core.simulators.embedded import EmbeddedSimulator
from mimic_core.simulators.navmesh import navmesh_beside, read_navmesh

ROOM, RAMP = GOLDEN / "known_room.navmesh", GOLDEN / "ramp.navmesh"
CELL_HEIGHT = 0.2  # metres, habitat-sim's


def opened(path: Path) -> EmbeddedSimulator:
    simulator = open_simulator(path, backend="embreex", resolution=16)
    assert isinstance(simulator, EmbeddedSimulator)
    return simulator


def main_island(simulator: EmbeddedSimulator) -> np.ndarray:
    """Where the largest island of a scene lies, seen from above."""
    grid = simulator.grid
    sizes = np.bincount(grid.islands[grid.islands > 0])
    return grid.islands == sizes.argmax()


@pytest.fixture
def room(room_glb: bytes, tmp_path: Path) -> Path:
    """The known room in a file."""
    path = tmp_path / "room.glb"
    path.write_bytes(room_glb)
    return path


@pytest.mark.parametrize("name", ["room.navmesh", "room.basis.navmesh"])
def test_the_mesh_beside_a_scene_is_walked_on(room: Path, name: str) -> None:
    assert navmesh_beside(room) is None
    with opened(room) as computed:
        own = main_island(computed)
    shutil.copy(ROOM, room.with_name(name))
    with opened(room) as simulator:
        given_ = main_island(simulator)
        tables = read_navmesh(ROOM)[:, :, 1].max()
        assert tables > 0.7, "Recast lets one stand on the table"
        feet = simulator.random_navigable_point(np.random.default_rng(0))
        assert 0 < feet[1] <= tables + 0.05
    both = (own & given_).sum() / (own | given_).sum()
    assert both > 0.97, "what is worked out here is what Recast finds"


def test_bytes_have_no_mesh_beside_them(room_glb: bytes) -> None:
    with open_simulator(room_glb, backend="embreex", resolution=16) as simulator:
        assert simulator.grid.floor < 0.05


def test_a_ramp_joins_the_storeys(make_scene: MakeScene, tmp_path: Path) -> None:
    path = tmp_path / "ramp.glb"
    path.write_bytes(make_scene([level(0, 5, 0.0), level(9, 13, UPPER), ramp()]))
    shutil.copy(RAMP, tmp_path / "ramp.navmesh")
    with opened(path) as simulator:
        up = simulator.try_step(np.array([1.0, CELL_HEIGHT, 1.5]), np.array([11.0, 0, 0]))
        np.testing.assert_allclose(up, (12.0, UPPER + CELL_HEIGHT / 2, 1.5), atol=0.15)
        assert simulator.island_radius(up) == pytest.approx(6.5, abs=0.1)
        points = [simulator.random_navigable_point(np.random.default_rng(seed)) for seed in range(200)]
    heights = np.array(points)[:, 1]
    assert 0.2 < ((heights > 0.4) & (heights < UPPER - 0.2)).mean() < 0.4, "4 m of 13 are the ramp"


def test_references_of_64_bits_are_read_alike(tmp_path: Path) -> None:
    data = ROOM.read_bytes()
    tile = data[48:]
    polygons, vertices, links = struct.unpack_from("<3i", tile, 24)
    at = 100 + 12 * vertices + 32 * polygons
    wide = tile[:at] + bytes(16 * links) + tile[at + 12 * links :]
    path = tmp_path / "wide.navmesh"
    path.write_bytes(data[:40] + struct.pack("<Qi4x", 1, len(wide)) + wide)
    np.testing.assert_array_equal(read_navmesh(path), read_navmesh(ROOM))


def test_version_2_is_read_alike(tmp_path: Path) -> None:
    """It has 56 bytes of settings behind the header."""
    data = ROOM.read_bytes()
    path = tmp_path / "new.navmesh"
    path.write_bytes(data[:4] + struct.pack("<i", 2) + data[8:40] + bytes(56) + data[40:])
    np.testing.assert_array_equal(read_navmesh(path), read_navmesh(ROOM))


def swollen(data: bytes) -> bytes:
    """Every polygon claims 255 triangles: a small file would ask for gigabytes."""
    polygons, vertices, links, details = struct.unpack_from("<4i", data, 72)
    at = 48 + 100 + 12 * vertices + 32 * polygons + 12 * links
    spoilt = bytearray(data)
    for number in range(details):
        spoilt[at + 12 * number + 9] = 255
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: b"", "ends too early"),
        (lambda data: data[:30], "ends too early"),
        (lambda data: data[:200], "ends within the tile at byte 48"),
        (lambda data: b"NOPE" + data[4:], "does not begin as a set"),
        (lambda data: data[:4] + b"\3" + data[5:], "of version 1 or 2"),
        (lambda data: data[:4] + b"\2" + data[5:], "there is no tile at byte 96"),
        (lambda data: data[:52] + b"\6" + data[53:], "have version 6, not 7"),
        (lambda data: data[:8] + b"\2" + data[9:], "there is no tile at byte"),
        (lambda data: data[:8] + b"\0" + data[9:], "nothing to walk on"),
        (lambda data: data[:72] + b"\xff\xff\xff\xff" + data[76:], "negative"),
        (lambda data: swollen(data), "more triangles than it has"),
    ],
)
def test_a_damaged_mesh_is_named(room: Path, change, said: str) -> None:
    mesh = room.with_suffix(".navmesh")
    mesh.write_bytes(change(ROOM.read_bytes()))
    with pytest.raises(UnreadableError, match=said) as caught:
        opened(room)
    assert caught.value.where == str(mesh)
    assert "delete it" in caught.value.remedy


@given(at=st.integers(0, ROOM.stat().st_size - 1), value=st.integers(0, 255), end=st.integers(0, ROOM.stat().st_size))
def test_any_damage_is_either_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at, value, end) -> None:
    data = bytearray(ROOM.read_bytes())
    data[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.navmesh"
    path.write_bytes(data[: max(end, at)])
    try:
        assert read_navmesh(path).shape[1:] == (3, 3)
    except UnreadableError as error:
        assert error.where == str(path)
