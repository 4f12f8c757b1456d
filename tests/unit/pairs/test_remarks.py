"""What a reader remarks of a unit goes with it: table of views, statistics, summary, gallery."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from mimic_core.cli.mine import summary
from mimic_core.frames.shard import write_frames
from mimic_core.frames.views import Remark, View
from mimic_core.kit.errors import UnreadableError
from mimic_core.pairs.folder import FolderSettings, mine_folder
from mimic_core.pairs.rules import Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths, mine_shard
from mimic_core.report.gallery import write_gallery
from mimic_core.sources import Unit

TEXT = "1 damaged packet at 3.0 s"


def read(unit):
    rng = np.random.default_rng(0)
    yield View(rng.integers(0, 255, (224, 224, 3), np.uint8))
    yield Remark(TEXT)
    if unit.name == "broken":
        raise UnreadableError("it breaks off", where=unit.path)
    yield UnreadableError("an image that cannot be decoded", where=unit.path / "x.png")
    yield View(rng.integers(0, 255, (224, 224, 3), np.uint8))


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shard")
    paths = ShardPaths(*(folder / name for name in ("f.tar", "f.parquet", "c.parquet", "p.parquet", "p.tar")))
    units = [Unit(name, folder / name) for name in ("a", "b", "broken")]
    frames = write_frames(units, read, paths.frames_tar, paths.views, total=9)
    pairs = mine_shard(paths, source="videos", rule=Neighbours(), settings=MiningSettings(), seed=0)
    return paths, frames, pairs


def test_a_remark_is_a_row_behind_its_units_views(shard):
    views = pd.read_parquet(shard[0].views)
    assert list(views["status"]) == ["ok", "ok", "remark", "unreadable"] * 2 + ["unreadable"]
    assert list(views["view"]) == [0, 2, -1, -1] * 2 + [-1]
    assert set(views[views["status"] == "remark"]["reason"]) == {TEXT}


def test_both_stages_count_remarks_and_measure_the_same_views(shard):
    _, frames, pairs = shard
    assert frames["remarks"] == pairs["remarks"] == {"a": [TEXT], "b": [TEXT]}
    assert frames["views"] == pairs["views"] == 4
    assert set(frames["unreadable"]) == set(pairs["unreadable"]) == {"a/x.png", "b/x.png", "broken"}


def test_the_summary_and_the_gallery_say_them(shard, tmp_path, make_video, monkeypatch):
    make_video(tmp_path / "in" / "<i>a.mp4")
    from mimic_core.frames import readers

    inner = readers.video_views
    monkeypatch.setattr(readers, "video_views", lambda *a, **k: iter([*inner(*a, **k), Remark("<b>odd\x1b[2J</b>")]))
    statistics = mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings())
    assert r"note: <i>a.mp4: <b>odd\x1b[2J</b>" in summary(statistics)
    text = write_gallery(tmp_path / "out").read_text()
    content = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    assert content["remarks"] == {"<i>a.mp4": "<b>odd\x1b[2J</b>"}
    assert "<b>odd" not in text
