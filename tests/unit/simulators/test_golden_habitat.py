"""What the genuine habitat-sim shows of small materials: the middle 64x64 pixels of its pictures (docs/scenes.md)."""

from pathlib import Path

import numpy as np
import pytest
from support import REPOSITORY

from mimic_core.simulators.base import Rendering
from mimic_core.simulators.raster import NoEGLError, RasterRenderer
from mimic_core.simulators.raycast import RaycastRenderer
from mimic_core.simulators.scene import load_scene

FOLDER = REPOSITORY / "tests" / "golden" / "habitat"
HFOV = 2 * np.degrees(np.arctan(64 / 256))  # of the middle 64 of 256 pixels that see 90 degrees
SCENES = sorted(FOLDER.glob("*.glb"))


def seen(path: Path, backend: str, pose: np.ndarray) -> Rendering:
    scene = load_scene(path, up="z" if path.name.endswith(".basis.glb") else "y")
    try:
        renderer = (RasterRenderer if backend == "moderngl" else RaycastRenderer)(scene, (64, 64), HFOV)
    except NoEGLError as error:
        pytest.skip(str(error))
    view = renderer.render(pose)
    renderer.close()
    return view


@pytest.mark.parametrize("backend", ["moderngl", "embreex"])
@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_pictures_are_habitat_sims(path: Path, backend: str) -> None:
    views = np.load(FOLDER / "views.npz")
    view = seen(path, backend, views[f"{path.stem}_pose"])
    assert np.abs(view.rgb.astype(int) - views[path.stem]).mean() < 1
    if f"{path.stem}_depth" in views:
        np.testing.assert_allclose(view.depth, views[f"{path.stem}_depth"], atol=0.002)


def test_the_pictures_differ_from_one_another() -> None:
    """Else the test above could not fail."""
    views = np.load(FOLDER / "views.npz")
    plain = views["reference"].astype(int)
    for name in ("sampler_clamp", "sampler_mirror", "sampler_linear_nomip", "basis_room.basis"):
        assert np.abs(views[name] - plain).mean() > 2, name
