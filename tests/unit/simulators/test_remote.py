"""Scenes opened with habitat-sim in a process of its own: on a stand-in, also one that ends its process."""

import json
import os
import signal
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from unit.simulators import fake_habitat_sim

from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.simulators import WalkSettings, camera_pose, open_simulator, remote, walk_views
from mimic_core.simulators.habitat import HabitatSimulator
from mimic_core.simulators.opening import BACKEND_VARIABLE
from mimic_core.simulators.remote import ENVIRONMENT, RemoteSimulator

POSE = camera_pose((1.5, 1.25, 3.0), 40.0)


@pytest.fixture
def room_file(room_glb: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "room.glb"
    path.write_bytes(room_glb)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module habitat_sim, in which the other process finds it."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    (folder / "habitat_sim.py").write_text("from unit.simulators.fake_habitat_sim import *  # noqa: F403")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv(BACKEND_VARIABLE, raising=False)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    return folder / "habitat_sim.py"


@pytest.mark.usefixtures("stand_in")
def test_another_process_gives_what_the_adapter_gives(room_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "habitat_sim", fake_habitat_sim)
    with open_simulator(room_file, backend="habitat", resolution=(40, 60)) as far:
        assert isinstance(far, RemoteSimulator) and far.backend == "habitat"
        with HabitatSimulator(room_file, (40, 60), 90.0) as near:
            for layer, expected in vars(near.render(POSE)).items():
                seen = getattr(far.render(POSE), layer)
                assert seen.dtype == expected.dtype
                np.testing.assert_array_equal(seen, expected)
            np.testing.assert_array_equal(far.render_rgb(POSE), near.render_rgb(POSE))
            points = [one.random_navigable_point(np.random.default_rng(3)) for one in (near, far)]
            np.testing.assert_array_equal(*points)
            assert far.island_radius(points[0]) == near.island_radius(points[0]) > 0
            moves = [one.try_step(points[0], np.array([0.5, 0.0, 0.2])) for one in (near, far)]
            np.testing.assert_array_equal(*moves)
    assert far.process.returncode == 0


@pytest.mark.usefixtures("stand_in")
def test_both_renderers_in_one_job_do_not_freeze_each_other(room_file: Path) -> None:
    with (
        open_simulator(room_file, backend="habitat", resolution=16) as far,
        open_simulator(room_file, resolution=16) as own,
    ):
        first = far.render_rgb(POSE)
        own.render_rgb(POSE)
        assert (far.render_rgb(camera_pose((1.5, 1.25, 3.0), 200.0)) != first).any()


@pytest.mark.usefixtures("stand_in")
def test_turns_are_the_same_with_every_renderer(room_file: Path) -> None:
    """Each draws points in its own way, and no other number depends on how many it took."""
    walk = WalkSettings(resolution=8, minimal_island_radius=1.0)
    yaws = []
    for backend in ("habitat", "embreex"):
        with open_simulator(room_file, backend=backend, resolution=8) as simulator:
            views = [walk_views(simulator, walk, seed=0, scene="s", number=number) for number in range(4)]
        yaws.append([[(view.station, view.yaw) for view in sample] for sample in views])
    assert yaws[0] == yaws[1]


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGBUS)", "SIGBUS"),
        ("os._exit(3)", "code 3"),
        ("print('no message', flush=True)", ""),
        ("os.write(1, b'not json')", ""),
        ("time.sleep(60)", "did not answer"),
    ],
)
def test_what_ends_or_stops_the_process_costs_one_scene(
    stand_in: Path, room_file: Path, monkeypatch: pytest.MonkeyPatch, does: str, said: str
) -> None:
    monkeypatch.setattr(remote, "OPEN_TIMEOUT", 5.0)
    stand_in.write_text(
        textwrap.dedent(f"""
        import os, signal, time
        from unit.simulators.fake_habitat_sim import *
        from unit.simulators import fake_habitat_sim
        class Simulator(fake_habitat_sim.Simulator):
            def __init__(self, config):
                {does}
                super().__init__(config)
        """)
    )
    if not said:  # what habitat-sim prints is no answer, and disturbs none
        with open_simulator(room_file, backend="habitat", resolution=8) as simulator:
            assert simulator.render_rgb(POSE).shape == (8, 8, 3)
        return
    with pytest.raises(UnreadableError, match=said) as caught:
        open_simulator(room_file, backend="habitat", resolution=8)
    assert caught.value.where == str(room_file) and "moderngl" in caught.value.remedy


def test_a_process_that_is_killed_between_two_views_is_told(stand_in: Path, room_file: Path) -> None:
    with open_simulator(room_file, backend="habitat", resolution=8) as simulator:
        simulator.render_rgb(POSE)
        os.kill(simulator.process.pid, signal.SIGKILL)
        with pytest.raises(UnreadableError, match="SIGKILL"):
            simulator.render_rgb(POSE)


@pytest.mark.usefixtures("stand_in")
def test_errors_keep_their_words(tmp_path: Path) -> None:
    cut = tmp_path / "cut.glb"
    cut.write_bytes(b"glTF\2\0\0\0\xff\xff\0\0")
    with pytest.raises(UnreadableError, match="cut short") as caught:
        open_simulator(cut, backend="habitat")
    assert caught.value.where == str(cut.resolve())


def test_without_habitat_sim_the_remedy_is_its_environment(
    stand_in: Path, room_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.write_text("raise ImportError('no such library')")
    with pytest.raises(MimicError, match="no such library") as caught:
        open_simulator(room_file, backend="habitat")
    assert not isinstance(caught.value, UnreadableError)
    assert "envs/habitat.yaml" in caught.value.remedy


def test_the_python_that_is_named_is_started(stand_in: Path, room_file: Path, tmp_path: Path, monkeypatch) -> None:
    named = tmp_path / "habitat.json"
    monkeypatch.setenv(ENVIRONMENT, str(named))
    tests = str(Path(__file__).parents[2])
    environ = {"PYTHONPATH": os.pathsep.join([str(stand_in.parent), tests])}
    named.write_text(json.dumps({"python": sys.executable, "environ": environ}))
    with open_simulator(room_file, backend="habitat", resolution=8) as simulator:
        assert simulator.render_rgb(POSE).shape == (8, 8, 3)
    named.write_text(json.dumps({"python": str(tmp_path / "none"), "environ": {}}))
    with pytest.raises(MimicError, match="does not start"):
        open_simulator(room_file, backend="habitat")
    for text in ("[]", "{}", "no json"):
        named.write_text(text)
        with pytest.raises(MimicError):
            open_simulator(room_file, backend="habitat")
