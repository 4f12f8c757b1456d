"""The units of a source as a table, and files by the million."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.sources.raw import write_images

from mimic_core.kit import tables
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources import in_shard, listing, many, open_source
from mimic_core.sources.base import Unit
from mimic_core.sources.listing import count_units, read_listing, write_listing
from mimic_core.sources.many import GroupedRecords


def units_of_all_kinds(root):
    odd = root / os.fsdecode(b"no-utf8-\xff")
    return [
        Unit("a", root),
        Unit("b/c", root / "b" / "c", (root / "b" / "1.jpg", odd)),
        Unit("d", root / "d.h5", inside="s/1"),
        Unit("e", odd, fault="it holds \udcff"),
        Unit("f", root / "f.mov", turn=3, beside=(root / "metadata.csv",)),
    ]


def test_units_come_back_as_they_were(tmp_path):
    units = units_of_all_kinds(tmp_path)
    said = write_listing(iter(units), tmp_path, tmp_path / "units.parquet")
    assert said == {"units": 5, "files": 2, "faults": 1}
    assert count_units(tmp_path / "units.parquet") == 5
    back = read_listing(tmp_path / "units.parquet", tmp_path)
    assert back[:3] == units[:3]
    assert back[4] == units[4]
    assert back[3].fault == "it holds \\udcff"


@given(st.integers(0, 900), st.integers(1, 70), st.data())
def test_shards_read_their_own(tmp_path_factory, count, shards, data):
    root = tmp_path_factory.mktemp("root")
    units = [Unit(f"{number:05d}", root / str(number)) for number in range(count)]
    shard = data.draw(st.integers(0, shards - 1))
    with pytest.MonkeyPatch.context() as patch:
        for module in (tables, listing):
            patch.setattr(module, "ROWS_PER_GROUP", 410)
        write_listing(iter(units), root, root / "units.parquet")
        assert read_listing(root / "units.parquet", root, shard, shards) == in_shard(units, shard, shards)


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-40], lambda data: b"x" * 99])
def test_a_table_that_is_damaged_is_named(tmp_path, damage):
    path = tmp_path / "units.parquet"
    write_listing(iter(units_of_all_kinds(tmp_path)), tmp_path, path)
    path.write_bytes(damage(path.read_bytes()))
    for read in (lambda: read_listing(path, tmp_path), lambda: count_units(path)):
        with pytest.raises(UnreadableError, match="the table of units cannot be read") as raised:
            read()
        assert raised.value.where == str(path)


@given(st.lists(st.tuples(st.binary(max_size=3), st.sampled_from([b"0", b"1"]), st.integers(0, 99)), max_size=60))
def test_records_come_back_by_key_whether_held_or_written(records):
    records = [(key.replace(b"\0", b"x"), kind, f"p{path}") for key, kind, path in records]
    found = []
    for held in (1 << 18, 7):
        many_held, many.HELD = many.HELD, held
        try:
            with GroupedRecords() as kept:
                for key, kind, path in records:
                    kept.add(key, kind, many.Path(path))
                groups = [(key, files) for part in kept.parts() for key, files in part]
        finally:
            many.HELD = many_held
        assert len({key for key, _ in groups}) == len(groups), "a key comes once"
        assert all(files == sorted(files) for _, files in groups)
        found.append(sorted(groups))
    assert found[0] == found[1]
    assert [key for key, _ in found[0]] == sorted({key for key, _, _ in records})


def test_targets_are_the_same_however_many_are_held(tmp_path, monkeypatch):
    for dataset in range(5):
        names = [f"{dataset}_{n}_{n}_{n // 3}.jpg" for n in range(20)]
        write_images(tmp_path / "raw" / str(dataset), *names, "lost.jpg")
    source = open_source("streetview")
    few = source.units(tmp_path / "raw")
    monkeypatch.setattr(many, "HELD", 10)
    monkeypatch.setattr(many.tempfile, "tempdir", str(tmp_path))
    assert sorted(source.listed(tmp_path / "raw"), key=lambda unit: unit.name) == few
    assert [path.name for path in tmp_path.iterdir()] == ["raw"], "what was written for a while is gone"


def test_a_source_without_a_name_that_fits_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(MimicError, match="holds nothing to read") as raised:
        list(open_source("streetview").listed(tmp_path))
    assert "<dataset>_<image>_<view>_<target>.jpg" in raised.value.remedy
