import json
import tarfile

import pandas as pd
import pytest

from mimic_core.frames import reader
from mimic_core.frames.shard import write_frames
from mimic_core.kit.errors import MimicError
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.pairs.rules import Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths, check_counts, mine_shard
from mimic_core.sources import in_shard, open_source


def paths(folder):
    names = ("f.tar", "f.views.parquet", "p.candidates.parquet", "p.pairs.parquet", "p.tar")
    return ShardPaths(*(folder / name for name in names))


def mine(root, folder, *, shard=0, shards=1, interval=1.0):
    folder.mkdir(exist_ok=True)
    units = in_shard(open_source("videos").units(root), shard, shards)
    files = paths(folder)
    write_frames(units, reader("video", {"interval": interval}, 0), files.frames_tar, files.views, total=99)
    statistics = mine_shard(files, source="videos", rule=Neighbours(), settings=MiningSettings(), seed=0)
    return files, statistics


@pytest.fixture(scope="module")
def root(tmp_path_factory, make_video):
    folder = tmp_path_factory.mktemp("videos")
    make_video(folder / "a walk.mp4", step=10)
    make_video(folder / "deep" / "größe 'x'.mp4", step=8)
    make_video(folder / "slow.mp4", step=2)
    (folder / "broken.mp4").write_bytes(b"no video at all")
    return folder


def test_a_broken_video_is_counted_and_stops_nothing(root, tmp_path):
    files, statistics = mine(root, tmp_path / "one")
    assert statistics["failed"] == 1
    assert list(statistics["unreadable"]) == ["broken.mp4"]
    assert statistics["seen"] == statistics["kept"] + statistics["rejected"] + statistics["failed"]
    assert statistics["kept"] > 3
    candidates = pd.read_parquet(files.candidates)
    assert candidates["verdict"].value_counts().to_dict() == {
        verdict: count for verdict, count in statistics["verdicts"].items() if count
    }
    assert set(candidates["verdict"]) <= set(VERDICTS)


def test_a_views_features_are_computed_once(root, tmp_path):
    _, statistics = mine(root, tmp_path / "one", interval=0.3)
    assert 0 < statistics["features"] <= statistics["views"]
    assert statistics["seen"] > statistics["views"] * 0.9


def test_a_pair_lies_where_its_row_says(root, tmp_path):
    files, _ = mine(root, tmp_path / "one")
    rows = pd.read_parquet(files.pairs)
    data = files.tar.read_bytes()
    with tarfile.open(files.tar) as tar:
        for row in rows.to_dict("records"):
            for number in "12":
                stored = tar.extractfile(f"{row['key']}.{number}.jpg").read()
                start = row[f"offset{number}"]
                assert data[start : start + row[f"size{number}"]] == stored
            described = json.loads(tar.extractfile(f"{row['key']}.json").read())
            assert described["unit"] == row["unit"]
            assert described["correspondences"] == list(row["correspondences"])
            assert "." not in row["key"]


def test_the_same_bytes_twice_and_the_same_pairs_in_any_sharding(root, tmp_path):
    one, _ = mine(root, tmp_path / "one")
    again, _ = mine(root, tmp_path / "again")
    for name in ("frames_tar", "views", "candidates", "pairs", "tar"):
        assert getattr(one, name).read_bytes() == getattr(again, name).read_bytes()
    columns = ["key", "overlap", "correspondences", "hash1", "size2"]
    whole = pd.read_parquet(one.pairs)[columns].sort_values("key", ignore_index=True)
    parts = [pd.read_parquet(mine(root, tmp_path / f"s{i}", shard=i, shards=3)[0].pairs) for i in range(3)]
    split = pd.concat(parts)[columns].sort_values("key", ignore_index=True)
    pd.testing.assert_frame_equal(whole, split)


def test_lost_candidates_stop_the_stage():
    counts = dict.fromkeys(VERDICTS, 0) | {"kept": 2, "low_overlap": 3}
    assert check_counts(counts, written=5, retained=2)["rejected"] == 3
    with pytest.raises(MimicError, match="6 candidates were seen, but 2 kept"):
        check_counts(counts, written=6, retained=2)


def test_near_duplicates_are_left_out_and_still_clips_named(tmp_path, make_video):
    make_video(tmp_path / "in" / "still.mp4", step=0)
    make_video(tmp_path / "in" / "walk.mp4", step=10)
    units = open_source("videos").units(tmp_path / "in")
    files = paths(tmp_path)
    write_frames(units, reader("video", {"interval": 0.5}, 0), files.frames_tar, files.views, total=2)
    off, on = (
        mine_shard(files, source="v", rule=Neighbours(), settings=MiningSettings(near_duplicate_bits=bits), seed=0)
        for bits in (-1, 2)
    )
    assert (off["verdicts"]["near_duplicate"], off["still"]) == (0, [])
    assert off["verdicts"]["high_overlap"] > 0
    assert on["still"] == ["still.mp4"]
    assert on["verdicts"]["near_duplicate"] > 0
    assert on["kept"] == off["kept"]
    assert on["features"] < off["features"]
    assert on["seen"] == on["kept"] + on["rejected"] + on["failed"]
