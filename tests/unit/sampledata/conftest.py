"""Flats that several tests look at, built once."""

import importlib
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from mimic_core.sampledata import flat_glb, flat_with_people

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


BUILDERS = {  # and the modules that show what they build
    flat_glb: ("film.views", "film.walkthrough", *(f"layouts.{name}" for name in ("demon", "imagenet", "scannet"))),
    flat_with_people: ("layouts.ade20k", "layouts.coco", "layouts.mannequin"),
}


@cache
def built(builder, name: str, seed: int, *count: int):  # type: ignore[no-untyped-def]
    """What depends on nothing but name, seed and number of people; other tests see to that."""
    return builder(name, {"seed": seed}, *count)


@pytest.fixture(scope="session")
def flats() -> dict[str, bytes]:
    """Three flats as GLB."""
    return {name: built(flat_glb, name, SETTINGS["seed"]) for name in ("flat000", "flat001", "flat002")}


@pytest.fixture(scope="module")
def each_flat_once() -> Iterator[Callable[[str], bytes]]:
    """Build a flat once, however many pictures, videos and layouts show it; it can be had by name, too."""
    with pytest.MonkeyPatch.context() as patch:
        for builder, modules in BUILDERS.items():

            def kept(name: str, settings: dict, *count: int, builder=builder):  # type: ignore[no-untyped-def]
                return built(builder, name, int(settings["seed"]), *count)

            for module in modules:
                patch.setattr(importlib.import_module(f"mimic_core.sampledata.{module}"), builder.__name__, kept)
        yield lambda name: built(flat_glb, name, SETTINGS["seed"])
