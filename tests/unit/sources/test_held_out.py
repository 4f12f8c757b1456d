"""Scenes that are held out are in no training source, whatever their files are called there."""

import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.sources.base import Unit
from mimic_core.sources.held_out import check_held_out, scene_name
from mimic_core.sources.listing import write_listing


@pytest.fixture
def listing(tmp_path):
    def write(name, *units):
        path = tmp_path / name / "units.parquet"
        path.parent.mkdir()
        write_listing([Unit(unit, tmp_path / unit) for unit in units], tmp_path, path)
        return path

    return write


def test_names_of_scenes_however_they_are_shipped():
    for name in ("Adrian", "Adrian.glb", "train/Adrian/Adrian.glb", "gibson/adrian.basis.glb", " Adrian.ply "):
        assert scene_name(name) == "adrian"
    assert scene_name("Adrian.2") == "adrian.2"


def test_scenes_that_are_elsewhere_too_are_refused_by_name(listing, tmp_path):
    held_out = listing("held", "Adrian.glb", "Beach", "Crane.glb")
    fine, bad = listing("fine", "Dune", "Adrian2"), listing("bad", "x/Adrian/Adrian.glb", "beach.glb")
    check_held_out(held_out, {"fine": fine})
    with pytest.raises(MimicError, match=r"2 held-out scenes .* the source 'bad': Adrian\.glb, Beach") as caught:
        check_held_out(held_out, {"fine": fine, "bad": bad})
    assert caught.value.where == str(held_out) and caught.value.remedy
    names = tmp_path / "habitat.txt"
    names.write_text("# of Multiview-Habitat\n\ngibson/Crane.glb\n")
    with pytest.raises(MimicError, match=r"1 held-out scenes are also in .*habitat.txt: Crane"):
        check_held_out(held_out, {}, [names])
