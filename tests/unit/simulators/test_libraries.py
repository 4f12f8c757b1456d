"""OpenGL and torch in one process, in either order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mimic_core.simulators.libraries import DeepBindFinder, keep_llvms_apart

RENDER = """
from mimic_core.simulators import camera_pose, open_simulator
from mimic_core.simulators.raster import NoEGLError
def render():
    try:
        with open_simulator({room!r}, backend="moderngl", resolution=32) as simulator:
            return simulator.render_rgb(camera_pose((1.5, 1.25, 3.0), 0.0))
    except NoEGLError as error:
        print(error)
        raise SystemExit(77)
"""
TRAIN = """
def train():
    import torch
    from mimic_core.models import build_encoder, load_pretrained, save_encoder
    sizes = {{"image_size": 32, "width": 16, "depth": 1, "heads": 2}}
    save_encoder({weights!r}, build_encoder(sizes, seed=0), {{}})
    encoder = load_pretrained({weights!r})
    optimizer = torch.optim.AdamW(encoder.parameters())
    encoder(torch.ones(1, 3, 32, 32)).square().sum().backward()
    optimizer.step()
"""
ORDERS = {
    "rendering, then training, then rendering": "assert (render() == (train(), render())[1]).all()",
    "training, then rendering": "train(); assert render().any()",
}


@pytest.mark.parametrize("order", ORDERS)
def test_opengl_and_torch_in_one_process(order: str, room_glb: bytes, tmp_path: Path) -> None:
    room = tmp_path / "room.glb"
    room.write_bytes(room_glb)
    names = {"room": str(room), "weights": str(tmp_path / "encoder.safetensors")}
    script = (RENDER + TRAIN).format(**names) + ORDERS[order]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}"


def test_other_modules_are_left_alone() -> None:
    finders = list(sys.meta_path)
    try:
        keep_llvms_apart()
        keep_llvms_apart()
        assert sum(isinstance(finder, DeepBindFinder) for finder in sys.meta_path) == 1
        assert DeepBindFinder().find_spec("json") is None
        assert DeepBindFinder().find_spec("triton._C.libtriton", [os.devnull]) is None
    finally:
        sys.meta_path[:] = finders
