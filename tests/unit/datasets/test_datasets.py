import os
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest

from mimic_core.datasets import PairDataset
from mimic_core.datasets.assembly import assemble, mined
from mimic_core.datasets.card import dataset_card
from mimic_core.datasets.composition import wanted_pairs
from mimic_core.datasets.statistics import shortfall, shortfalls
from mimic_core.frames import reader
from mimic_core.frames.shard import write_frames
from mimic_core.frames.views import decode_image
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_json
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.pairs.rules import Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths, mine_shard
from mimic_core.sources import in_shard, open_source

COMPOSITIONS = {
    "small": {"include": [], "pairs": {"walks": 4}},
    "large": {"include": ["small"], "pairs": {"walks": 3, "videos": "all"}},
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory, make_video):
    """Two mined shards of one source, as the workflow lays them."""
    folder = tmp_path_factory.mktemp("results")
    for name in "abcd":
        make_video(folder / "raw" / f"{name}.mp4", step=8 + ord(name) % 5)
    units = open_source("videos").units(folder / "raw")
    mining = folder / "pairs" / "walks"
    mining.mkdir(parents=True)
    for shard in range(2):
        stem = f"{shard:03d}"
        files = ShardPaths(
            folder / f"{stem}.tar",
            folder / f"{stem}.views.parquet",
            mining / f"{stem}.candidates.parquet",
            mining / f"{stem}.pairs.parquet",
            mining / f"{stem}.tar",
        )
        write_frames(in_shard(units, shard, 2), reader("video", {}, 0), files.frames_tar, files.views, total=99)
        mine_shard(files, source="walks", rule=Neighbours(), settings=MiningSettings(), seed=0)
    return folder, [mining / "000.pairs.parquet", mining / "001.pairs.parquet"]


def assembled(shards, name, count, seed=0):
    folder, tables = shards
    manifest = folder / "datasets" / name / "manifest.parquet"
    statistics = assemble(manifest, {"walks": count}, {"walks": tables}, seed)
    return manifest, statistics


def test_wanted_pairs_add_up_through_includes():
    assert wanted_pairs("small", COMPOSITIONS) == {"walks": 4}
    assert wanted_pairs("large", COMPOSITIONS) == {"walks": 7, "videos": None}


def test_included_twice_counts_once():
    diamond = {
        "base": {"include": [], "pairs": {"walks": 4}},
        "left": {"include": ["base"], "pairs": {"walks": 1}},
        "right": {"include": ["base"], "pairs": {"walks": 2}},
        "top": {"include": ["left", "right"], "pairs": {}},
    }
    assert wanted_pairs("top", diamond) == {"walks": 7}


def test_includes_in_a_circle_and_unknown_ones_are_errors():
    circle = {"a": {"include": ["b"], "pairs": {}}, "b": {"include": ["a"], "pairs": {}}}
    with pytest.raises(MimicError, match="a -> b -> a"):
        wanted_pairs("a", circle)
    with pytest.raises(MimicError, match="'b' is not in the config"):
        wanted_pairs("a", {"a": {"include": ["b"], "pairs": {}}})


def test_a_larger_dataset_contains_a_smaller_one(shards):
    small, _ = assembled(shards, "small", 4)
    large, statistics = assembled(shards, "large", None)
    few, many = (set(pd.read_parquet(path)["key"]) for path in (small, large))
    assert len(few) == 4
    assert few < many
    assert statistics["sources"]["walks"] == {"wanted": None, "mined": len(many), "taken": len(many)}


def test_other_seeds_choose_other_pairs_and_the_same_seed_the_same_bytes(shards):
    first = assembled(shards, "one", 4)[0].read_bytes()
    assert assembled(shards, "one", 4)[0].read_bytes() == first
    keys = [set(pd.read_parquet(assembled(shards, "one", 4, seed)[0])["key"]) for seed in range(4)]
    assert len({frozenset(key) for key in keys}) > 1


def test_wanting_more_than_was_mined_takes_all_and_says_so(shards, caplog):
    mined = assembled(shards, "all", None)[1]
    assert mined["wanted"] == mined["pairs"]
    assert "pairs wanted" not in caplog.text
    wanted = 2 * mined["pairs"] + 1
    _, statistics = assembled(shards, "greedy", wanted)
    row = statistics["sources"]["walks"]
    assert row["taken"] == row["mined"] < row["wanted"] == statistics["wanted"] == wanted
    short = shortfall(statistics["wanted"], statistics["pairs"])
    assert short == f"{100 * mined['pairs'] // wanted}% of the pairs wanted"
    assert f"{mined['pairs']} of {wanted} pairs: {short}; too few of walks" in caplog.text
    row = {"seen": 0, "verdicts": dict.fromkeys(VERDICTS, 0), "unreadable": {}, "remarks": {}}
    card = dataset_card("greedy", statistics, {"walks": row}, "paper", {"min_overlap": 0.5, "max_overlap": 0.75})
    assert f"**{short}: {wanted:,} were asked for.**" in card
    assert shortfall(1000, 999) == "99% of the pairs wanted", "never 100%"


def test_receipts_say_which_datasets_are_short(tmp_path):
    paths = []
    for name, wanted, pairs in (("whole", 10, 10), ("short", 3_163_333, 2_562_300)):
        paths.append(tmp_path / name / "receipt.json")
        paths[-1].parent.mkdir()
        write_json(paths[-1], {"statistics": {"dataset": name, "wanted": wanted, "pairs": pairs}})
    assert shortfalls(paths) == {"short": "81% of the pairs wanted"}
    write_json(paths[0], {"statistics": {"dataset": "whole", "pairs": 10}})
    with pytest.raises(MimicError, match="wanted"):
        shortfalls(paths)


def test_reading_by_offset_gives_the_stored_images(shards):
    dataset = PairDataset(assembled(shards, "read", None)[0])
    assert len(dataset) == len(dataset.rows)
    for index in (0, len(dataset) - 1):
        view1, view2, row = dataset[index]
        data = (dataset.manifest.parent / row["shard"]).read_bytes()
        for view, number in ((view1, "1"), (view2, "2")):
            start = row[f"offset{number}"]
            np.testing.assert_array_equal(view, decode_image(data[start : start + row[f"size{number}"]]))
        assert len(row["correspondences"]) == 196
        assert len(row["homography"]) == 9
    dataset.close()


def test_a_copy_for_a_worker_process_reads_too(shards):
    dataset = PairDataset(assembled(shards, "copy", None)[0])
    first = dataset[0][0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[0][0], first)  # noqa: S301 - our own object
    dataset.close()


def test_a_shard_cut_off_later_names_the_pair_and_the_file(shards, tmp_path):
    manifest, _ = assembled(shards, "cut", None)
    copied = tmp_path / "datasets" / "cut" / "manifest.parquet"
    shutil.copytree(shards[0] / "pairs", tmp_path / "pairs")
    copied.parent.mkdir(parents=True)
    shutil.copy(manifest, copied)
    tar = tmp_path / "pairs" / "walks" / "001.tar"
    tar.write_bytes(tar.read_bytes()[:2000])
    dataset = PairDataset(copied)
    with pytest.raises(MimicError, match="cannot be read") as raised:
        for index in range(len(dataset)):
            dataset.images(index)
    assert "001.tar" in raised.value.where


def test_a_shard_cut_off_is_in_no_dataset(shards, tmp_path):
    shutil.copytree(shards[0] / "pairs", tmp_path / "pairs")
    tables = sorted((tmp_path / "pairs" / "walks").glob("*.pairs.parquet"))
    tar = tmp_path / "pairs" / "walks" / "001.tar"
    for change in (lambda: tar.write_bytes(tar.read_bytes()[:-20000]), tar.unlink):
        change()
        with pytest.raises(MimicError, match="cut off after it was written") as caught:
            assemble(tmp_path / "datasets" / "d" / "manifest.parquet", {"walks": None}, {"walks": tables}, 0)
        assert caught.value.where == str(tar)
        assert f"rm {tar} {tar.with_suffix('.receipt.json')}" in caught.value.remedy
    assert not list(tmp_path.glob("datasets/**/*.parquet"))


def test_a_shard_cut_off_is_noticed_when_it_is_opened(shards, tmp_path):
    manifest, _ = assembled(shards, "cut at its end", None)
    copied = tmp_path / "datasets" / "cut" / "manifest.parquet"
    shutil.copytree(shards[0] / "pairs", tmp_path / "pairs")
    copied.parent.mkdir(parents=True)
    shutil.copy(manifest, copied)
    tar = tmp_path / "pairs" / "walks" / "001.tar"
    dataset = PairDataset(copied)
    rows = dataset.rows[dataset.rows["shard"].str.endswith("001.tar")]
    os.truncate(tar, int((rows["offset2"] + rows["size2"]).max()) - 1)
    with pytest.raises(MimicError, match="its pairs reach to byte"):
        dataset.images(int(rows["offset1"].idxmin()))


def test_what_is_no_manifest_is_refused(tmp_path):
    path = tmp_path / "manifest.parquet"
    with pytest.raises(MimicError, match="not a manifest"):
        PairDataset(path)
    pd.DataFrame({"key": ["a"]}).to_parquet(path)
    with pytest.raises(MimicError, match="not a manifest"):
        PairDataset(path)


def test_no_pair_at_all_is_an_error(shards, tmp_path):
    with pytest.raises(MimicError, match="no pairs were mined"):
        assemble(tmp_path / "m.parquet", {"walks": 0}, {"walks": shards[1]}, 0)
    assert not (tmp_path / "m.parquet").exists()


def test_mining_statistics_are_summed_and_a_dead_source_is_named(tmp_path):
    one = {"seen": 3, "views": 4, "verdicts": {"kept": 2, "unreadable": 1}, "unreadable": {"x.mp4": "broken"}}
    for name in "ab":
        write_json(tmp_path / f"{name}.json", {"statistics": one})
    total = mined({"videos": [tmp_path / "a.json", tmp_path / "b.json"]})
    assert total["videos"]["verdicts"] == {"kept": 4, "unreadable": 2}
    write_json(tmp_path / "a.json", {"statistics": {**one, "views": 0}})
    with pytest.raises(MimicError, match=r"'videos' could be read:\n  x\.mp4: broken"):
        mined({"videos": [tmp_path / "a.json"]})
