"""Reading in a process of its own: the same views, and a file that brings the process down costs itself alone."""

import errno
import os
import re

import handlers
import numpy as np
import pandas as pd
import pytest

from mimic_core.foreign import PASSING
from mimic_core.frames import reader, shard
from mimic_core.frames.reading import ConfinedReader
from mimic_core.frames.shard import write_frames
from mimic_core.frames.views import View
from mimic_core.kit.errors import MimicError
from mimic_core.kit.in_worker import Limits
from mimic_core.sources import Unit, open_source


def test_the_same_views_as_in_this_process(tmp_path, make_video):
    make_video(tmp_path / "in" / "a.mp4")
    make_video(tmp_path / "in" / "b.mp4", step=9)
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no video")
    units, settings = open_source("videos").units(tmp_path / "in"), {"interval": 0.5}
    here = write_frames(units, reader("video", settings, 0), tmp_path / "a.tar", tmp_path / "a.parquet", total=9)
    with ConfinedReader("video", settings, 0) as read:
        there = write_frames(units, read, tmp_path / "b.tar", tmp_path / "b.parquet", total=9)
        process = read.worker.process
    assert process.returncode is not None, "it ends with the last unit"
    assert here == there
    for suffix in ("tar", "parquet"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_unit_that_brings_the_process_down_is_counted_and_the_rest_is_read(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mimic_core.frames.reading.reading", handlers.reading_or_dying)
    units = [Unit(name, tmp_path / name) for name in ("a", "crash", "hang", "memory", "once", "z")]
    with ConfinedReader("video", {}, 0, Limits(memory=1 << 30, silence=2.0)) as read:
        statistics = write_frames(units, read, tmp_path / "v.tar", tmp_path / "v.parquet", total=9)
    assert statistics["unreadable"].keys() == {"crash", "hang", "memory"}
    assert "its process crashed (SIGSEGV)" in statistics["unreadable"]["crash"]
    assert "it gave no sign of life for 2 s" in statistics["unreadable"]["hang"]
    assert "more memory than there is" in statistics["unreadable"]["memory"]
    assert "once: its process was killed (SIGKILL), most likely for lack of memory; trying again" in caplog.text
    views = pd.read_parquet(tmp_path / "v.parquet")
    assert views[views["status"] == "ok"].groupby("unit").size().to_dict() == {"a": 3, "once": 3, "z": 3}
    data = (tmp_path / "v.tar").read_bytes()
    for row in views[views["status"] == "ok"].to_dict("records"):
        assert data[row["offset"] :][: row["size"]].startswith(b"\xff\xd8")


def failing(number: int, times: int, error: type[OSError] = OSError):
    """A reader whose file system fails so many times."""
    calls: list[int] = []

    def read(unit):
        calls.append(1)
        if len(calls) <= times:
            raise error(number, os.strerror(number))
        yield View(np.zeros((224, 224, 3), np.uint8))

    return read


@pytest.mark.parametrize("number", sorted(PASSING))
def test_a_passing_fault_of_the_machine_is_met_once_more(tmp_path, monkeypatch, number):
    monkeypatch.setattr(shard, "PAUSE", 0.0)
    unit, files = Unit("a", tmp_path / "a"), (tmp_path / "v.tar", tmp_path / "v.parquet")
    assert write_frames([unit], failing(number, 1), *files, total=1)["views"] == 1
    for file in files:
        file.unlink()
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        write_frames([unit], failing(number, 9), *files, total=1)
    assert caught.value.errno == number and caught.value.filename == str(unit.path)
    assert not any(file.exists() for file in files), "the shard is not done"


def test_a_full_disk_is_not_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(shard, "PAUSE", 99.0)
    with pytest.raises(OSError, match="No space"):
        write_frames([Unit("a", tmp_path)], failing(errno.ENOSPC, 1), tmp_path / "v.tar", tmp_path / "v", total=1)


def test_a_fault_of_the_file_itself_is_the_units(tmp_path):
    units = [Unit("a", tmp_path / "a"), Unit("b", tmp_path / "b")]
    files = tmp_path / "v.tar", tmp_path / "v.parquet"
    assert write_frames(units, failing(errno.EACCES, 1), *files, total=2)["unreadable"].keys() == {"a"}


def test_what_ffmpeg_says_of_a_file_is_believed_of_the_file(tmp_path):
    error = type("OSError", (OSError,), {"__module__": "av.error"})
    units = [Unit("a", tmp_path / "a"), Unit("b", tmp_path / "b")]
    files = tmp_path / "v.tar", tmp_path / "v.parquet"
    assert write_frames(units, failing(errno.EIO, 1, error), *files, total=2)["unreadable"].keys() == {"a"}


def test_a_setting_that_cannot_be_used_stops_before_the_first_unit(tmp_path):
    with pytest.raises(MimicError, match="face detector"):
        ConfinedReader("video", {"blur_faces": str(tmp_path / "none.onnx")}, 0)


def test_a_scene_is_rendered_there_as_here(tmp_path):
    from unit.simulators import known_room

    (tmp_path / "room.glb").write_bytes(known_room.scene_glb())
    settings = {"samples_per_scene": 1, "min_island_radius": 0.5, "up_axis": "y"}
    unit = Unit("room", tmp_path / "room.glb")
    here = [view.image for view in reader("scene", settings, 0)(unit)]
    with ConfinedReader("scene", settings, 0) as read:
        there = list(read(unit))
    assert len(here) == len(there) == 24
