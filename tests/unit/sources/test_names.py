"""No two units have one name or one key, whatever files and folders are called, and no link costs more than itself."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.sources.raw import Read, encoded, write_h5, write_images

from mimic_core.kit.errors import MimicError
from mimic_core.sources import open_source
from mimic_core.sources.base import LONGEST_KEY, Unit, as_text, check_unique, name_below
from mimic_core.sources.walking import folders_below


def names(adapter, root):
    return [unit.name for unit in open_source(adapter).units(root)]


@pytest.mark.parametrize("adapter", ["images", "demon"])
def test_a_root_and_a_folder_of_its_name_are_two_units(tmp_path, adapter):
    root = tmp_path / "trip"
    write_images(root, "0.jpg", "1.jpg")
    assert names(adapter, root) == ["trip"]
    write_images(root / "other" / "trip", "2.jpg", "3.jpg")
    assert names(adapter, root) == ["other/trip", "trip"], "a name changes only where it must"
    write_images(root / "trip", "4.jpg", "5.jpg")
    write_images(root / "trip" / "trip", "6.jpg", "7.jpg")
    read = Read(adapter, root, tmp_path / "out")
    assert read.views == {
        "other/trip": ["2.jpg", "3.jpg"],
        "trip": ["4.jpg", "5.jpg"],
        "trip/.": ["0.jpg", "1.jpg"],
        "trip/trip": ["6.jpg", "7.jpg"],
    }


def test_a_root_and_a_file_of_its_name_are_two_units(tmp_path, make_video):
    root = tmp_path / "a.mp4"
    write_images(root, "0.jpg", "1.jpg")
    make_video(root / "a.mp4")
    assert [*names("images", root), *names("videos", root)] == ["a.mp4/.", "a.mp4"]


def test_a_demon_file_and_its_root_of_one_name(tmp_path):
    root = tmp_path / "x.h5"
    write_images(root, "0.jpg", "1.jpg")
    write_h5(root / "x.h5", {})
    assert names("demon", root) == ["x.h5", "x.h5/."]


@pytest.mark.parametrize("root", [".", "..", "../photos", "./", "inner/.."])
def test_a_relative_root_has_its_own_name(tmp_path, monkeypatch, root):
    folder = tmp_path / "photos"
    write_images(folder, "0.jpg", "1.jpg")
    write_images(folder / "inner", "0.jpg", "1.jpg")
    monkeypatch.chdir(folder / "inner" if root == ".." else folder)
    units = open_source("images").units(root)
    assert [unit.name for unit in units] == ["inner", "photos"]
    assert [unit.key for unit in units] == ["inner", "photos"]


def test_the_root_of_all_has_a_name():
    assert name_below(Path("/"), Path("/")) == "root"


def test_names_that_differ_in_bytes_alone_stay_apart(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
    kept = [composed, decomposed, "A", "a", "x.", "x", "x ", "a.b", "a_b", "a b", "\\x2d", "back\\slash", "line\nbreak"]
    odd = {os.fsdecode(b"n-\xff"): "n-\\xff", "n-\\xff": "n-\\x5cxff", "n-\\x5cxff": "n-\\x5cx5cxff"}
    for name in [*kept, *odd]:
        write_images(tmp_path / "raw" / name, "0.jpg", "1.jpg")
    units = open_source("images").units(tmp_path / "raw")
    assert sorted(unit.name for unit in units) == sorted([*kept, *odd.values()])
    assert {unit.path.name: unit.name for unit in units if unit.path.name in odd} == odd
    assert len({unit.key for unit in units}) == len(units)
    assert len({unit.folder.lower() for unit in units}) == len(units), "also where A and a are one"


@given(st.lists(st.binary(min_size=1, max_size=8).filter(lambda name: b"\0" not in name), unique=True, max_size=40))
def test_no_two_names_are_written_alike(files):
    assert len({as_text(os.fsdecode(name)) for name in files}) == len(files)


ESCAPES = st.lists(
    st.sampled_from([b"\\", b"x", b"5c", b"ff", b"\xff", b"\xc3", b"\xbf", b"a"]), min_size=1, max_size=7
)


@given(ESCAPES.map(b"".join), ESCAPES.map(b"".join))
def test_nor_two_that_look_like_escapes(first, second):
    assert (first == second) == (as_text(os.fsdecode(first)) == as_text(os.fsdecode(second)))


@pytest.mark.parametrize("length", [LONGEST_KEY, LONGEST_KEY + 1, 250, 255])
def test_keys_of_long_names_are_short(length):
    first, second = Unit("g" * length, Path("a")), Unit("g" * (length - 1) + "h", Path("b"))
    assert first.key != second.key
    assert len(first.key) <= LONGEST_KEY
    assert (first.key == first.name) == (length <= LONGEST_KEY)


def test_two_units_of_one_name_or_key_stop_a_run(tmp_path):
    with pytest.raises(MimicError, match="two units have the name 'a'") as caught:
        check_unique([Unit("a", tmp_path / "1"), Unit("b", tmp_path / "2"), Unit("a", tmp_path / "3")])
    assert caught.value.where == f"{tmp_path / '1'} and {tmp_path / '3'}"
    assert caught.value.remedy
    odd = Unit("a b", tmp_path / "1")
    with pytest.raises(MimicError, match="two units have the key"):
        check_unique([odd, Unit(odd.key, tmp_path / "2")])
    for name in ("", "."):
        with pytest.raises(MimicError, match="has no name"):
            check_unique([Unit(name, tmp_path)])
    check_unique([odd, odd])


def test_a_source_looks_for_units_of_one_name(tmp_path, monkeypatch):
    source = open_source("videos")
    monkeypatch.setattr(source, "find", lambda root: [Unit("a", root / "1"), Unit("a", root / "2")])
    with pytest.raises(MimicError, match="two units have the name 'a'"):
        source.units(tmp_path)


def test_targets_and_files_of_one_name_are_two_units(tmp_path):
    (tmp_path / "12").mkdir()
    write_images(tmp_path, "12_a.jpg", "12_b.jpg", "12_c.jpg_1.jpg", "12_c.jpg_2.jpg", "12_c.jpg")
    units = open_source("streetview", {"pattern": r"(?P<target>12_c\.jpg|12)_[ab12]"}).units(tmp_path)
    assert [(unit.name, bool(unit.fault)) for unit in units] == [
        ("./12_c.jpg", True),
        ("12", False),
        ("12_c.jpg", False),
    ]


def test_targets_of_odd_bytes_can_be_stored(tmp_path):
    write_images(tmp_path, *(os.fsdecode(b"\xff_" + name) for name in (b"1.jpg", b"2.jpg")))
    (unit,) = open_source("streetview", {"pattern": r"(?P<target>[^_]+)_."}).units(tmp_path)
    assert unit.name == "\\xff"


def test_a_link_to_itself_costs_only_itself(tmp_path):
    write_images(tmp_path / "a", "0.jpg", "1.jpg")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a" / "loop")
    (tmp_path / "a" / "loop.jpg").symlink_to(tmp_path / "a" / "loop.jpg")
    (tmp_path / "a" / "left").symlink_to(tmp_path / "a" / "right")
    (tmp_path / "a" / "right").symlink_to(tmp_path / "a" / "left")
    (tmp_path / "a" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "a" / "up").symlink_to("..")
    read = Read("images", tmp_path, tmp_path.parent / "out")
    assert read.views == {"a": ["0.jpg", "1.jpg"]}
    assert set(read.unreadable) == {"a/loop.jpg", "a/gone.jpg"}


def test_a_link_to_a_folder_outside_is_followed(tmp_path):
    write_images(tmp_path / "elsewhere" / "b", "0.jpg", "1.jpg")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw" / "twice").symlink_to(tmp_path / "elsewhere")
    assert names("images", tmp_path / "raw") == ["link/b"], "a folder is visited once"


def test_a_link_that_may_not_be_followed_is_named(tmp_path, monkeypatch):
    write_images(tmp_path / "a", "0.jpg", "1.jpg")
    scandir, stat = os.scandir, Path.stat

    class Entry:
        name = "secret"

        def is_dir(self):
            raise PermissionError(13, "Permission denied")

    class Listing(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def with_secret(path):
        with scandir(path) as listing:
            return Listing([*listing, *([Entry()] if str(path) == str(tmp_path) else [])])

    def refuse(self, **options):
        if self.name == "secret":
            raise PermissionError(13, "Permission denied")
        return stat(self, **options)

    monkeypatch.setattr(os, "scandir", with_secret)
    monkeypatch.setattr(Path, "stat", refuse)
    units = open_source("images").units(tmp_path)
    assert [(unit.name, unit.fault) for unit in units] == [("a", ""), ("secret", "the folder cannot be listed")]


def test_a_fault_of_the_machine_is_no_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(OSError(24, "Too many open files")))
    with pytest.raises(OSError, match="Too many"):
        list(folders_below(tmp_path))
    with pytest.raises(MimicError, match=r"cannot be listed \(Too many open files"):
        open_source("images").units(tmp_path)


def test_folders_deeper_than_a_path_can_be_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        (deep := Path("d" * 250)).mkdir()
        os.chdir(deep)
    Path("0.jpg").write_bytes(encoded(0))
    os.chdir(tmp_path)
    (unit,) = open_source("images").units(".")
    assert unit.fault == "the folder cannot be listed"
    assert len(unit.key) <= LONGEST_KEY
