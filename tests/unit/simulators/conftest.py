"""Fixtures of the simulators' tests."""

import pytest
from unit.simulators.known_room import MakeScene, scene_glb


@pytest.fixture(scope="session")
def make_scene() -> MakeScene:
    """Write pieces as a GLB; the known room where none are given."""
    return scene_glb


@pytest.fixture(scope="session")
def room_glb() -> bytes:
    """The known room."""
    return scene_glb()
