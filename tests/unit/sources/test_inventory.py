"""What lies on disk, as ``mimic check`` says it."""

import os
from dataclasses import replace

import cv2
import pytest

from mimic_core.kit.errors import UnreadableError
from mimic_core.sources.inventory import CORRUPT, FOUND, MISSING, PARTIAL, take_stock
from mimic_core.sources.registry import read_registry

GIBSON = replace(read_registry()["gibson"], units=3)


def settings(root, origin="disk"):
    return {"adapter": "gibson", "origin": origin, "root": str(root)}


def write_scenes(root, *names, data=b"glTF"):
    root.mkdir(exist_ok=True)
    for name in names:
        (root / f"{name}.glb").write_bytes(data)


@pytest.mark.parametrize("make", [False, True])
def test_a_missing_or_empty_root_says_where_to_get_it(tmp_path, make):
    root = tmp_path / "gibson"
    if make:
        root.mkdir()
    stock = take_stock(settings(root), GIBSON)
    assert (stock.state, stock.units) == (MISSING, 0)
    assert GIBSON.ask_at in str(stock)
    assert str(root) in str(stock)
    assert "snakemake sample" in str(take_stock(settings(root, "sample"), GIBSON))


def test_all_units_are_found(tmp_path):
    write_scenes(tmp_path, "a", "b", "c")
    assert str(take_stock(settings(tmp_path), GIBSON)) == "found, 3 of 3 units"


def test_fewer_units_than_the_owner_gives_are_partial(tmp_path):
    write_scenes(tmp_path, "a", "b")
    assert take_stock(settings(tmp_path), GIBSON).state == PARTIAL
    assert take_stock(settings(tmp_path, "sample"), GIBSON).state == FOUND, "the sample world is small by design"


def test_units_at_fault_are_counted_and_the_first_named(tmp_path):
    write_scenes(tmp_path, "good")
    write_scenes(tmp_path, *(f"bad{number}" for number in range(5)), data=b"")
    stock = take_stock(settings(tmp_path), GIBSON)
    assert (stock.state, stock.units, len(stock.faults)) == (CORRUPT, 6, 5)
    assert "bad0.glb: " in str(stock)
    assert "and 2 more" in str(stock)


def test_a_deep_look_finds_what_sizes_do_not_show(tmp_path):
    write_scenes(tmp_path, "a", "b", "c")

    def look(unit):
        if unit.name == "b.glb":
            raise UnreadableError("no GLB", where=unit.path, remedy="fetch it again")

    stock = take_stock(settings(tmp_path), GIBSON, look)
    assert stock.state == CORRUPT
    assert stock.faults == {"b.glb": "no GLB"}


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), TypeError("x"), cv2.error("x"), StopIteration()])
def test_whatever_a_look_raises_is_a_fault_of_its_unit(tmp_path, error):
    write_scenes(tmp_path, "a", "b", "c")

    def look(unit):
        if unit.name == "b.glb":
            raise error

    stock = take_stock(settings(tmp_path), GIBSON, look)
    assert list(stock.faults) == ["b.glb"]
    assert stock.faults["b.glb"].startswith("it cannot be read (")


def test_pipes_are_at_fault_and_not_waited_for(tmp_path):
    write_scenes(tmp_path, "a")
    os.mkfifo(tmp_path / "b.glb")
    (tmp_path / "c.glb").symlink_to("/dev/zero")
    faults = take_stock(settings(tmp_path), GIBSON).faults
    assert set(faults) == {"b.glb", "c.glb"}
    assert "this is a pipe" in faults["b.glb"]
    assert "this is a device" in faults["c.glb"]
