"""The habitat-sim adapter's conventions, on a stand-in and, where it is installed, on habitat-sim itself."""

import importlib.util
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from unit.simulators import fake_habitat_sim
from unit.simulators.known_room import PAINT, MakeScene, room

from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.simulators import WalkSettings, camera_pose, open_simulator, opening, remote, walk_views
from mimic_core.simulators.base import height_and_width
from mimic_core.simulators.habitat import HabitatSimulator, normals_from_depth, quaternion
from mimic_core.simulators.opening import BACKEND_VARIABLE

POSES = [((1.5, 1.25, 3.0), 0.0, 0.0), ((4.5, 1.4, 2.0), 75.0, -20.0), ((2.0, 1.6, 2.0), 250.0, 10.0)]
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # (x, y, z) -> (x, -z, y)
INSTALLED = importlib.util.find_spec("habitat_sim") is not None


@pytest.fixture
def habitat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "habitat_sim", fake_habitat_sim)
    monkeypatch.delenv(BACKEND_VARIABLE, raising=False)
    fake_habitat_sim.events.clear()


@pytest.fixture
def room_file(room_glb: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "room.glb"
    path.write_bytes(room_glb)
    return path


def open_adapter(path: Path, resolution: int | tuple[int, int] = 256, up: str = "y") -> HabitatSimulator:
    """A scene opened in this process; users get one of its own (test_remote.py)."""
    return HabitatSimulator(path, height_and_width(resolution), 90.0, up)


def check_same_pictures(path: Path, reference: bytes, up: str) -> None:
    """habitat-sim sees of the file at ``path`` what the embedded renderer sees of the y-up ``reference``."""
    with (
        open_adapter(path, (120, 160), up) as habitat,
        open_simulator(reference, resolution=(120, 160)) as embedded,
    ):
        for position, yaw, pitch in POSES:
            pose = camera_pose(position, yaw, pitch)
            seen, expected = habitat.render(pose), embedded.render(pose)
            assert seen.rgb.shape == (120, 160, 3) and seen.rgb.dtype == np.uint8
            assert np.abs(seen.rgb.astype(float) - expected.rgb).mean() < 2
            assert (np.abs(seen.depth - expected.depth) < 0.01).mean() > 0.99
            assert ((seen.normals * expected.normals).sum(axis=-1) > 0.99).mean() > 0.95
            assert seen.instances.dtype == np.uint32 and seen.instances.shape == (120, 160)
            np.testing.assert_array_equal(habitat.render_rgb(pose), seen.rgb)


@pytest.mark.usefixtures("habitat")
def test_same_pose_same_picture(room_file: Path, room_glb: bytes) -> None:
    check_same_pictures(room_file, room_glb, "y")


@pytest.mark.usefixtures("habitat")
def test_a_z_up_file_is_the_same_room(room_glb: bytes, make_scene: MakeScene, tmp_path: Path) -> None:
    path = tmp_path / "room.glb"
    path.write_bytes(make_scene([piece.moved(Z_UP, (0, 0, 0)) for piece in room()]))
    check_same_pictures(path, room_glb, "z")


@pytest.mark.skipif(not INSTALLED, reason="habitat_sim is not installed: envs/habitat.yaml")
def test_habitat_sim_itself_agrees(room_file: Path, room_glb: bytes) -> None:
    check_same_pictures(room_file, room_glb, "y")


@pytest.mark.usefixtures("habitat")
def test_a_seed_gives_the_same_walk_twice(room_file: Path) -> None:
    walk = WalkSettings(resolution=32, minimal_island_radius=1.0)
    with open_adapter(room_file, 32) as simulator:
        first, again, other = (walk_views(simulator, walk, seed=1, scene="s", number=n) for n in (0, 0, 1))
    for old, new in zip(first, again, strict=True):
        np.testing.assert_array_equal(old.position, new.position)
        np.testing.assert_array_equal(old.rgb, new.rgb)
    assert (first[0].position != other[0].position).any()


@pytest.mark.usefixtures("habitat")
def test_the_navigation_mesh_beside_the_scene_is_used(room_file: Path) -> None:
    with open_adapter(room_file, 8):
        assert fake_habitat_sim.events == ["computed"]
    fake_habitat_sim.events.clear()
    mesh = room_file.with_suffix(".navmesh")
    mesh.write_bytes(b"TESM")
    with open_adapter(room_file, 8):
        assert fake_habitat_sim.events == ["loaded room.navmesh"]
    mesh.write_bytes(b"what")
    with pytest.raises(UnreadableError, match="mesh is damaged") as caught:
        open_adapter(room_file, 8)
    assert caught.value.where == str(mesh)


@pytest.mark.usefixtures("habitat")
def test_damaged_files_are_refused_before_habitat_sim_sees_them(room_file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.glb"
    cut.write_bytes(room_file.read_bytes()[:-10])
    text = tmp_path / "text.glb"
    text.write_text("no scene")
    for path, what in ((cut, "cut short"), (text, "not a binary glTF"), (tmp_path / "none.glb", "cannot be opened")):
        with pytest.raises(UnreadableError, match=what):
            open_adapter(path)


@pytest.mark.usefixtures("habitat")
def test_what_habitat_sim_raises_names_the_scene(make_scene: MakeScene, tmp_path: Path) -> None:
    path = tmp_path / "pole.glb"
    path.write_bytes(make_scene([Piece("pole").cylinder((0, 0, 0), 0.02, 2.0, PAINT, sides=6)]))
    with pytest.raises(UnreadableError) as caught:
        open_adapter(path)
    assert caught.value.remedy


def test_without_habitat_sim_the_remedy_is_its_environment(
    room_file: Path, room_glb: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "habitat_sim", None)  # an import of it fails
    with pytest.raises(MimicError) as caught:
        open_adapter(room_file)
    assert "conda env create -f envs/habitat.yaml" in caught.value.remedy
    with pytest.raises(MimicError, match="files, not bytes"):
        open_simulator(room_glb, backend="habitat")


@pytest.mark.usefixtures("habitat")
@pytest.mark.parametrize("extension", [b'["KHR_texture_basisu" ]', b'["GOOGLE_texture_basis"]'])
def test_auto_takes_habitat_where_nothing_else_decodes_basis_textures(
    room_file: Path, monkeypatch: pytest.MonkeyPatch, extension: bytes
) -> None:
    listed = room_file.with_name("room.basis.glb")
    whole = room_file.read_bytes()
    length = int.from_bytes(whole[12:16], "little")  # of the JSON
    text = whole[20 : 20 + length].replace(b'["KHR_materials_unlit"]', extension)
    text += b" " * (-len(text) % 4)
    head = whole[:8] + struct.pack("<III", len(whole) + len(text) - length, len(text), 0x4E4F534A)
    listed.write_bytes(head + text + whole[20 + length :])
    for there, expected in ((True, ("moderngl", "embreex")), (False, ("habitat",))):
        monkeypatch.setattr(opening, "transcoder_available", lambda there=there: there)
        monkeypatch.setattr(remote, "RemoteSimulator", HabitatSimulator)
        with open_simulator(listed, resolution=8) as simulator:
            assert simulator.backend in expected
        with open_simulator(room_file, resolution=8) as simulator:
            assert simulator.backend != "habitat"


@pytest.mark.usefixtures("habitat")
@pytest.mark.parametrize(
    "extent", [(6.0, float("nan"), 8.0), (float("nan"), 3.0, 8.0), (6.0, 3.0, 501.0), (1e30, 1, 1)]
)
def test_a_scene_that_cannot_be_in_metres_is_refused(
    room_file: Path, monkeypatch: pytest.MonkeyPatch, extent: tuple[float, float, float]
) -> None:
    node = SimpleNamespace(cumulative_bb=SimpleNamespace(size=lambda: extent))
    graph = SimpleNamespace(get_root_node=lambda: node)
    monkeypatch.setattr(fake_habitat_sim.Simulator, "get_active_scene_graph", lambda self: graph)
    with pytest.raises(UnreadableError, match="this scene measures"):
        open_adapter(room_file)


@pytest.mark.usefixtures("habitat")
def test_a_raw_error_of_habitat_sim_comes_with_a_way_out(room_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, config: object) -> None:
        raise AssertionError("No mesh data for stage")  # what it says of a scene of strips alone

    monkeypatch.setattr(fake_habitat_sim.Simulator, "__init__", refuse)
    with pytest.raises(UnreadableError, match="No mesh data for stage") as caught:
        open_adapter(room_file)
    assert "moderngl" in caught.value.remedy


@pytest.mark.parametrize("angles", [(0, 0, 0), (180, 0, 0), (123, -40, 15), (90, 90, 180)])
def test_quaternions_turn_as_the_matrix_does(angles: tuple[float, float, float]) -> None:
    pose = camera_pose((1, 2, 3), *angles)
    agent = fake_habitat_sim.Agent()
    agent.set_state(fake_habitat_sim.AgentState(position=(1, 2, 3), rotation=quaternion(pose)))
    np.testing.assert_allclose(agent.pose, pose, atol=1e-9)


def test_normals_of_a_slope_and_of_nothing() -> None:
    x = (np.arange(40) + 0.5 - 20) / 20  # hfov 90: the focal length is 20 pixels
    depth = np.tile((2 / (1 + 0.5 * x)).astype(np.float32), (30, 1))  # the plane z = -2 + x / 2
    depth[:5] = 0
    normals = normals_from_depth(depth, 90.0)
    np.testing.assert_array_equal(normals[:4], 0)
    expected = np.array([-0.5, 0, 1]) / np.linalg.norm([-0.5, 0, 1])
    np.testing.assert_allclose(normals[8:], np.broadcast_to(expected, normals[8:].shape), atol=1e-3)
