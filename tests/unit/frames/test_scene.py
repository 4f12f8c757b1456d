"""Views of scenes, and what is said of them."""

from pathlib import Path

import numpy as np
import pytest
from unit.simulators.glb_room import Room

from mimic_core.frames import reader
from mimic_core.frames.scene import one_colour
from mimic_core.frames.views import Remark, View
from mimic_core.sources import Unit

SETTINGS = {"samples_per_scene": 1, "min_island_radius": 1.0, "up_axis": "y", "simulator": "auto"}


def views_of(room: Room, folder: Path) -> tuple[list[View], list[str]]:
    path = folder / "room.glb"
    path.write_bytes(room.glb())
    found = list(reader("scene", SETTINGS, seed=0)(Unit("room", path)))
    remarks = [view.text for view in found if isinstance(view, Remark)]
    return [view for view in found if isinstance(view, View)], remarks


@pytest.mark.parametrize("plain", [True, False])
def test_views_of_one_colour_are_remarked(plain: bool, tmp_path: Path) -> None:
    room = Room(repeat=3.0)
    if plain:
        room.material.clear()
        room.material["emissiveTexture"] = {"index": 0}
    views, remarks = views_of(room, tmp_path)
    assert len(views) == 24
    if not plain:
        assert not remarks
        return
    assert "emissive texture" in remarks[0]
    assert remarks[1].startswith("all 24 views are of one colour")


def test_one_colour() -> None:
    image = np.full((224, 224, 3), 7, np.uint8)
    assert one_colour(image)
    image[200, 3, 1] = 8
    assert not one_colour(image)
