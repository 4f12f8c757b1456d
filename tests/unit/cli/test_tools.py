"""What ``mimic check`` says of the raw data of a config."""

import shutil

import pytest
from support import REPOSITORY

from mimic_core.cli.tools import source_lines
from mimic_core.config.checking import read_config

PAPER = REPOSITORY / "configs" / "paper.yaml"


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """The lines of a config, looked at from an empty folder."""
    monkeypatch.chdir(tmp_path)

    def look(*overlays, deep=False):
        found = source_lines(read_config(REPOSITORY / "config.yaml", overlays), deep)
        return {what.removeprefix("source "): (fine, detail) for fine, what, detail in found}

    return look


def test_the_sample_world_may_be_missing(lines):
    assert all(fine and "snakemake sample" in detail for fine, detail in lines().values())


def test_real_data_may_not_and_the_line_says_where_to_get_them(lines):
    found = lines(PAPER)
    assert len(found) == 11  # the paper's ten, and scenes held out
    for name, (fine, detail) in found.items():
        assert not fine, name
        assert f"raw/{name}" in detail
    assert "https://aihabitat.org/datasets/hm3d" in found["hm3d"][1]


def test_a_deep_look_reads_a_view_of_every_unit(lines, tmp_path, make_video):
    clips = tmp_path / "raw" / "mannequin"
    good = make_video(clips / "one" / "trims" / "a.mp4")
    (clips / "two" / "trims").mkdir(parents=True)
    (clips / "two" / "trims" / "b.mp4").write_bytes(b"no video")
    shutil.copy(good, clips / "two" / "trims" / "c.mp4")
    assert lines(PAPER)["mannequin"][1].startswith("partial, 3 of 4,690 units")
    fine, detail = lines(PAPER, deep=True)["mannequin"]
    assert not fine
    assert detail.startswith("corrupt, 3 of 4,690 units; 1 unreadable")
    assert "b.mp4" in detail
