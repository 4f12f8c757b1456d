"""Flats that several tests look at, built once."""

import pytest

from mimic_core.sampledata import flat_glb

SETTINGS = {
    "seed": 4,
    "flats": {"hm3d": 2, "train": 1, "test": 1},
    "downstream_resolution": [48, 64],
    "depth_images": {"train": 3, "test": 2},
    "normal_images": {"train": 3, "test": 1},
    "segmentation_images": {"train": 3, "test": 2},
    "pose_images": {"train": 3, "test": 2},
    "class_images": {"train": 9, "test": 8},
}


@pytest.fixture(scope="session")
def sample_settings() -> dict:
    """The config block of a very small sample world."""
    return SETTINGS


@pytest.fixture(scope="session")
def flats() -> dict[str, bytes]:
    """Three flats as GLB."""
    return {name: flat_glb(name, SETTINGS) for name in ("flat000", "flat001", "flat002")}
