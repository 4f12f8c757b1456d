"""Tars are those that the standard library writes, and their members are found by offset."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.kit.archive import BLOCK, TarWriter, header, read_at

NAMES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=120),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=130),
)


@given(name=NAMES, size=st.integers(0, 8**12))
def test_a_header_is_the_standard_librarys(name: str, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    assert header(name, size) == member.tobuf(tarfile.PAX_FORMAT)


def test_members_are_read_by_offset_and_by_the_standard_library(tmp_path: Path) -> None:
    members = {"a/0.jpg": b"x", "b" * 130: b"y" * BLOCK, "\u00fc/1.jpg": b"", 'it\'s "2".jpg': b"z" * (BLOCK + 1)}
    with TarWriter(tmp_path / "shard.tar") as tar:
        offsets = {name: tar.add(name, data) for name, data in members.items()}
    with (tmp_path / "shard.tar").open("rb") as stream:
        for name, data in members.items():
            assert read_at(stream, offsets[name], len(data)) == data
    with tarfile.open(tmp_path / "shard.tar") as archive:
        assert {member.name: archive.extractfile(member).read() for member in archive} == members  # type: ignore[union-attr]
    assert (tmp_path / "shard.tar").stat().st_size % tarfile.RECORDSIZE == 0


def test_what_is_taken_back_leaves_no_trace(tmp_path: Path) -> None:
    for name, wrong in (("one.tar", False), ("other.tar", True)):
        with TarWriter(tmp_path / name) as tar:
            tar.add("first", b"1")
            if wrong:
                position = tar.position()
                tar.add("wrong", b"w" * 5000)
                tar.rewind(position)
            tar.add("last", b"2")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "other.tar").read_bytes()


def test_a_tar_is_continued_where_it_is_whole(tmp_path: Path) -> None:
    with TarWriter(tmp_path / "whole.tar") as tar:
        tar.add("first", b"1" * 700)
        end = tar.position()
        tar.add("last", b"2")
    (tmp_path / "torn.tar").write_bytes((tmp_path / "whole.tar").read_bytes()[: end + 99])
    with TarWriter(tmp_path / "torn.tar", keep=end) as tar:
        tar.add("last", b"2")
    assert (tmp_path / "torn.tar").read_bytes() == (tmp_path / "whole.tar").read_bytes()


def test_members_are_read_back_while_others_are_added(tmp_path: Path) -> None:
    with TarWriter(tmp_path / "shard.tar") as tar:
        offset = tar.add("first", b"1" * 700)
        assert tar.read(offset, 700) == b"1" * 700
        tar.add("last", b"2")
    with tarfile.open(tmp_path / "shard.tar") as archive:
        assert archive.getnames() == ["first", "last"]


def test_a_tar_cut_short_is_noticed(tmp_path: Path) -> None:
    with TarWriter(tmp_path / "shard.tar") as tar:
        offset = tar.add("a", b"1" * 700)
    (tmp_path / "cut.tar").write_bytes((tmp_path / "shard.tar").read_bytes()[:900])
    with (tmp_path / "cut.tar").open("rb") as stream, pytest.raises(ValueError, match="the file ends before"):
        read_at(stream, offset, 700)
