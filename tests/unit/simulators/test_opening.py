"""Choosing a renderer, and refusing settings that make no sense."""

import logging

import moderngl
import pytest
from unit.simulators.known_room import PAINT, MakeScene

from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.simulators import open_simulator
from mimic_core.simulators.opening import BACKEND_VARIABLE
from mimic_core.simulators.raster import NoEGLError


@pytest.fixture
def no_egl(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(moderngl, "create_context", fail)
    monkeypatch.delenv(BACKEND_VARIABLE, raising=False)


@pytest.mark.usefixtures("no_egl")
def test_without_egl_rays_are_cast_and_the_log_says_so(room_glb: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mimic"), open_simulator(room_glb, resolution=32) as simulator:
        assert simulator.backend == "embreex"
    assert [record.message for record in caplog.records if "libEGL.so.1" in record.message]


@pytest.mark.usefixtures("no_egl")
def test_without_egl_moderngl_is_refused_with_a_remedy(room_glb: bytes) -> None:
    with pytest.raises(NoEGLError, match="does not start") as caught:
        open_simulator(room_glb, backend="moderngl")
    assert "libegl1" in caught.value.remedy


def test_the_environment_decides_what_auto_means(room_glb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "embreex")
    with open_simulator(room_glb, resolution=32) as simulator:
        assert simulator.backend == "embreex"
    monkeypatch.setenv(BACKEND_VARIABLE, "cuda")
    with pytest.raises(MimicError, match="cuda"):
        open_simulator(room_glb)


def test_an_argument_is_stronger_than_the_environment(room_glb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "cuda")
    with open_simulator(room_glb, backend="embreex", resolution=32) as simulator:
        assert simulator.backend == "embreex"


@pytest.mark.parametrize("options", [{"resolution": 0}, {"hfov": 180.0}, {"up": "x"}, {"backend": "blender"}])
def test_settings_out_of_range_are_refused(room_glb: bytes, options: dict) -> None:
    with pytest.raises(MimicError):
        open_simulator(room_glb, **options)


def test_a_scene_without_floor_is_refused(make_scene: MakeScene) -> None:
    pole = Piece("pole").cylinder((0, 0, 0), 0.02, 2.0, PAINT, sides=6)
    with pytest.raises(UnreadableError, match="floor") as caught:
        open_simulator(make_scene([pole]))
    assert caught.value.remedy
