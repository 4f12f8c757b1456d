"""What the rules ask of a config, stage by stage up to pretraining."""

import json
import re

import pytest
from support import REPOSITORY

from mimic_core.config import wiring
from mimic_core.config.checking import read_config
from mimic_core.kit.errors import MimicError
from mimic_core.sampledata.names import DOWNSTREAM, RAW


@pytest.fixture
def config():
    """The default config, to be changed."""
    return read_config(REPOSITORY / "config.yaml")


# the sample world


def test_hm3d_is_a_job_a_scene_and_others_one_job(config):
    config["sample"]["flats"]["hm3d"] = 2
    root = config["sources"]["hm3d"]["root"]
    assert wiring.sample.source_files(config, "hm3d") == [
        f"{root}/00000-flat000/flat000.glb",
        f"{root}/00001-flat001/flat001.glb",
        "results/sample/receipts/00000-flat000.json",
        "results/sample/receipts/00001-flat001.json",
    ]
    assert wiring.sample.source_files(config, "demon") == ["results/sample/receipts/source-demon.json"]


def test_a_source_that_the_sample_world_does_not_write_is_refused(config):
    config["sources"]["videos"] = {"adapter": "videos", "origin": "sample", "root": "v"}
    with pytest.raises(MimicError, match="the sample world has no source 'videos'") as error:
        wiring.sample.source_files(config, "videos")
    assert error.value.where == "config key sources.videos.origin" and "scannet" in error.value.remedy


def test_a_job_of_the_sample_world_reads_its_own_keys_only(config):
    read = json.loads(wiring.sample.source_settings(config, "gibson"))
    assert read == {"flats": {"gibson": config["sample"]["flats"]["gibson"]}, "seed": config["seed"]}
    read = json.loads(wiring.sample.task_settings(config, "depth"))
    assert set(read) == {"flats", "depth_images", "downstream_resolution", "seed"}
    assert set(read["flats"]) == {"train", "test"}
    assert json.loads(wiring.sample.settings(config)) == {"seed": config["seed"]}


def test_what_the_sample_world_writes_lies_where_the_config_says(config):
    config["sources"]["demon"]["root"], config["finetune"]["tasks"]["pose"]["root"] = "d", "p"
    assert wiring.sample.source_folder(config, "demon") == "d" and wiring.sample.task_folder(config, "pose") == "p"
    del config["sources"]["demon"], config["finetune"]["tasks"]["pose"]
    assert wiring.sample.source_folder(config, "demon") == "results/sample/demon"
    assert wiring.sample.task_folder(config, "pose") == "results/sample/coco"


def test_all_of_the_sample_world_is_what_sources_in_use_and_tasks_ask_for(config):
    every = wiring.sample.every_file(config)
    assert {f"results/sample/receipts/{task}.json" for task in wiring.sample.task_names()} <= set(every)
    assert {wiring.TASKS[task].layout for task in wiring.sample.task_names()} == set(DOWNSTREAM)
    assert {f"results/sample/receipts/source-{source}.json" for source in RAW} <= set(every)
    config["sources"]["demon"]["origin"] = "disk"
    config["finetune"]["tasks"]["depth"]["origin"] = "disk"
    gone = set(every) - set(wiring.sample.every_file(config))
    assert gone == {"results/sample/receipts/source-demon.json", "results/sample/receipts/depth.json"}


# frames and datasets


def test_the_root_of_own_videos_is_the_folder_behind_videos(config):
    config |= {"videos": "films"}
    config["sources"]["videos"] = {"root": "{videos}"}
    assert wiring.frames.root(config, "videos") == "films"
    assert wiring.frames.root(config, "demon") == config["sources"]["demon"]["root"]


def test_raw_files_are_those_of_the_sample_world_or_none(config):
    found = wiring.frames.raw_files(config, "hm3d")
    assert found["raw"] and all(file.endswith(".glb") for file in found["raw"])
    assert all(file.endswith(".json") for file in found["raw_receipts"])
    config["sources"]["hm3d"]["origin"] = "disk"
    assert wiring.frames.raw_files(config, "hm3d") == {"raw": [], "raw_receipts": []}


def test_a_source_overrides_the_frames_settings_and_habitat_needs_more_memory(config):
    assert wiring.frames.habitat_file(config, "hm3d") == [] and wiring.frames.memory(config, "hm3d") == 1000
    config["sources"]["hm3d"]["frames"] = {"simulator": "habitat"}
    read = wiring.frames.settings(config, "hm3d")
    assert read["simulator"] == "habitat" and read["resize"] == config["frames"]["resize"]
    assert not {"keep", "habitat_python"} & set(read)
    assert wiring.frames.habitat_file(config, "hm3d") == ["results/frames/habitat.json"]
    assert wiring.frames.memory(config, "hm3d") == 4000


def test_a_held_out_source_reads_the_units_of_others(config):
    config["sources"]["demon"]["held_out"] = {"sources": ["gibson"], "lists": ["a.txt"]}
    assert wiring.frames.apart_from(config, "demon") == {
        "apart_from": ["results/frames/gibson/units.parquet"],
        "apart_from_receipts": ["results/frames/gibson/units.receipt.json"],
        "lists": ["a.txt"],
    }
    assert not any(wiring.frames.apart_from(config, "co3d").values())


def test_a_dataset_draws_from_the_sources_it_wants_pairs_of(config):
    config["sources"] = {name: {"shards": shards} for name, shards in (("a", 2), ("b", 1), ("c", 1))}
    config["datasets"] = {
        "small": {"include": [], "pairs": {"b": 3, "c": 0}},
        "large": {"include": ["small"], "pairs": {"a": "all", "b": 1}},
    }
    assert wiring.datasets.composition(config, "small") == {"b": 3}
    assert wiring.datasets.composition(config, "large") == {"b": 4, "a": None}
    assert wiring.datasets.used_sources(config) == ["a", "b"]
    assert wiring.datasets.every_shard(config, "frames", "tar") == [
        f"results/frames/{shard}.tar" for shard in ("a/000", "a/001", "b/000")
    ]
    tars = ["results/pairs/b/000.tar", "results/pairs/a/000.tar", "results/pairs/a/001.tar"]
    assert wiring.datasets.training_files(config, "large") == {
        "manifest": "results/datasets/large/manifest.parquet",
        "dataset_receipt": "results/datasets/large/receipt.json",
        "tars": tars,
    }


def test_shards_beyond_a_thousand_have_longer_names(config):
    config["sources"]["a"] = {"shards": 1001}
    assert wiring.datasets.shard_names(config, "a")[::500] == ["000", "500", "1000"]


# pretraining


def test_a_run_overrides_the_shared_settings_and_handling_decides_nothing(config):
    run, other = [*config["pretrain"]["runs"]][:2]
    before = wiring.pretrain.deciding_settings(config, run), wiring.pretrain.handling(config)
    config["pretrain"] |= dict.fromkeys(wiring.pretrain.handling_keys(), 7)
    assert wiring.pretrain.deciding_settings(config, run) == before[0]
    assert wiring.pretrain.handling(config) != before[1]
    config["pretrain"]["runs"][run]["base_lr"] = 0.5
    assert wiring.pretrain.deciding_settings(config, run)["base_lr"] == 0.5
    assert wiring.pretrain.deciding_settings(config, other)["base_lr"] == config["pretrain"]["base_lr"]
    assert not {"nodes", "processes", "allow_changed"} & set(json.loads(wiring.pretrain.handling(config))[run])


def test_a_run_has_the_configs_seed_or_its_own(config):
    run = next(iter(config["pretrain"]["runs"]))
    assert wiring.pretrain.seed(config, run) == config["seed"]
    config["pretrain"]["runs"][run]["seed"] = 8
    assert wiring.pretrain.seed(config, run) == 8


def test_what_a_run_asks_for_follows_its_processes_and_nodes(config):
    run = next(iter(config["pretrain"]["runs"]))
    shape = {"processes": 4, "nodes": 2, "threads": 3, "cache_mib": 100}
    config["gpus"] = 0
    config["pretrain"]["runs"][run] |= shape
    assert wiring.pretrain.threads(config, run) == 12
    assert wiring.pretrain.memory(config, run, 2) == 2 * 4 * 3100 + 400
    assert wiring.pretrain.gpus_of_all_nodes(config, run) == 0 and wiring.pretrain.slurm_extra(config, run) == ""
    config["gpus"] = 8
    assert wiring.pretrain.memory(config, run, 1) == 4 * 6100 + 400
    assert wiring.pretrain.gpus_of_all_nodes(config, run) == 8
    assert wiring.pretrain.slurm_extra(config, run) == "--gpus-per-node=4"


def test_runs_on_several_nodes_are_named_by_an_expression(config):
    runs = {"a.b": {"nodes": 2}, "axb": {"nodes": 1}, "c": {"nodes": 3}}
    config["pretrain"]["runs"] = runs
    found = [run for run in runs if re.fullmatch(wiring.pretrain.runs_on_nodes(config), run)]
    assert found == ["a.b", "c"]
    config["pretrain"]["runs"] = {"axb": {"nodes": 1}}
    assert not re.search(wiring.pretrain.runs_on_nodes(config), "axb")


def test_a_run_reads_its_dataset_and_that_whose_pairs_are_an_epoch(config):
    run = next(iter(config["pretrain"]["runs"]))
    dataset = config["pretrain"]["runs"][run]["dataset"]
    found = wiring.pretrain.files(config, run)
    assert found == {"epoch_of": [], **wiring.datasets.training_files(config, dataset)}
    config["pretrain"]["runs"][run]["epoch_of"] = "mimic-1m"
    assert wiring.pretrain.files(config, run)["epoch_of"] == ["results/datasets/mimic-1m/receipt.json"]
