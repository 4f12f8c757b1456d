"""Fixtures of the simulators' tests."""

import numpy as np
import pytest
from unit.simulators.glb_room import Room, drawn
from unit.simulators.known_room import MakeScene, scene_glb

from mimic_core.simulators.scene import load_scene


@pytest.fixture(scope="session")
def make_scene() -> MakeScene:
    """Write pieces as a GLB; the known room where none are given."""
    return scene_glb


@pytest.fixture(scope="session")
def room_glb() -> bytes:
    """The known room."""
    return scene_glb()


@pytest.fixture(scope="session")
def twice() -> np.ndarray:
    """A room with its picture twice on every side, as embreex shows it."""
    return drawn(load_scene(Room(repeat=2.0).glb()))
