"""What the rules ask of a config from fine-tuning to the report."""

import json

import pytest
from support import REPOSITORY

from mimic_core.config import wiring
from mimic_core.config.checking import read_config
from mimic_core.kit.errors import MimicError
from mimic_core.report.registry import FIGURES, TABLES

RUN, OTHER = "croco_mimic-3m", "mae_mimic-3m"


@pytest.fixture
def config(tmp_path):
    """The default config with two baselines, one of which is there."""
    found = read_config(REPOSITORY / "config.yaml")
    (tmp_path / "there.pth").touch()
    found["baselines"] = {
        "gone": {"path": "no/such/file.pth", "model": "MAE"},
        "there": {"path": str(tmp_path / "there.pth"), "model": "CroCo"},
        "nowhere": {"path": "", "model": "DINO"},
    }
    found["finetune"]["encoders"] = ["random", RUN]
    return found


# fine-tuning


def test_encoders_are_there_unless_a_baselines_file_is_missing(config):
    names = ["random", RUN, "there", "gone", "nowhere"]
    assert [name for name in names if wiring.finetune.is_there(config, name)] == names[:3]


@pytest.mark.parametrize(
    ("encoder", "path", "reads"),
    [
        ("random", "random", set()),
        (RUN, f"results/pretrain/{RUN}/encoder.safetensors", {"encoder", "encoder_receipt"}),
        (f"{RUN}@7", f"results/pretrain/{RUN}/encoder-epoch-0007.safetensors", {"encoder_receipt"}),
        ("gone", "no/such/file.pth", {"encoder"}),
    ],
)
def test_an_encoder_is_a_file_and_its_runs_receipt(config, encoder, path, reads):
    assert wiring.finetune.encoder_path(config, encoder) == path
    found = wiring.finetune.encoder_files(config, encoder)
    assert set(found) == reads
    assert found.get("encoder", path) == path
    assert (
        found.get("encoder_receipt", f"results/pretrain/{RUN}/receipt.json") == f"results/pretrain/{RUN}/receipt.json"
    )


def test_encoders_of_epochs_are_those_that_runs_keep(config):
    for run in config["pretrain"]["runs"].values():
        run["save_encoders_at"] = []
    config["pretrain"]["runs"][RUN]["save_encoders_at"] = [1, 12]
    assert wiring.finetune.epoch_encoders(config) == [f"{RUN}@1", f"{RUN}@12", RUN]


def test_settings_of_a_job_are_the_tasks_over_the_shared(config):
    config["finetune"]["tasks"]["depth"] |= {"seeds": [5], "modes": ["frozen"]}
    read = json.loads(wiring.finetune.settings(config, "depth", "random", "frozen"))
    assert read["seeds"] == [5] and read["threads"] == config["finetune"]["threads"]
    assert (read["task"], read["encoder"], read["mode"]) == ("depth", "random", "frozen")
    assert not {"origin", "root", "modes"} & set(read)
    assert read["architecture"]["image_size"] == config["pretrain"]["image_size"]
    assert json.loads(wiring.finetune.settings(config, "depth", RUN, "whole"))["architecture"] == {}


def test_few_shot_jobs_draw_images_and_keep_the_encoder_frozen(config):
    config["finetune"]["few_shot"]["draws"] = 3
    read = json.loads(wiring.finetune.few_shot_settings(config, "depth", RUN, 16))
    assert (read["seeds"], read["train_images"], read["mode"]) == ([0, 1, 2], 16, "frozen")


def test_a_constant_baseline_reads_what_defines_its_images(config):
    config["finetune"]["tasks"]["depth"] = {
        "image_size": 64,
        "learning_rate": 1,
        "limits": {"train": 2},
        "origin": "disk",
    }
    read = json.loads(wiring.finetune.constant_settings(config, "depth"))
    assert read == {"image_size": 64, "limits": {"train": 2}, "seed": config["seed"]}
    assert wiring.finetune.constant_memory(config, "depth") == 7000
    assert wiring.finetune.constant_memory(config, "normals") == 3000


def test_data_of_the_sample_world_have_a_receipt(config):
    assert wiring.finetune.data_files(config, "pose") == ["results/sample/receipts/pose.json"]
    config["finetune"]["tasks"]["pose"]["origin"] = "disk"
    assert wiring.finetune.data_files(config, "pose") == []


def test_results_are_in_the_modes_of_each_task_that_the_config_has(config):
    config["finetune"]["modes"] = ["frozen", "whole"]
    config["finetune"]["tasks"] = {"depth": {}, "pose": {"modes": ["whole"]}}
    assert wiring.finetune.results(config, "f", ("pose", "normals", "depth"), iter(["a", "b"])) == [
        "results/finetune/pose/a-whole/f",
        "results/finetune/pose/b-whole/f",
        *(f"results/finetune/depth/{encoder}-{mode}/f" for encoder in "ab" for mode in ("frozen", "whole")),
    ]
    assert wiring.finetune.constant_results(config, "f") == ["results/finetune/depth/constant/f"]
    every = wiring.finetune.every_result(config, "f")
    assert len(every) == 3 * 3 + 1 and "results/finetune/pose/there-whole/f" in every


def test_few_shot_results_are_one_a_number_of_images(config):
    config["finetune"]["few_shot"]["train_images"] = [2, 4]
    found = wiring.finetune.few_shot_results(config, "f", ["depth"], iter(["a", "b"]))
    assert found == [f"results/few_shot/depth/{name}/f" for name in ("a-2", "a-4", "b-2", "b-4")]


def test_every_task_of_the_config_has_a_time_and_openmmlab_trains_two(config):
    assert set(config["finetune"]["tasks"]) == set(wiring.TASKS)
    assert wiring.task_names(openmmlab=True) == ["segmentation", "pose"]
    assert sorted(wiring.task_names(openmmlab=True) + wiring.task_names(openmmlab=False)) == sorted(wiring.TASKS)


# reconstruction


def test_reconstruction_reads_whole_models_and_the_files_that_are_there(config, tmp_path):
    config["reconstruction"] |= {"frechet_encoder": RUN, "inception": "no/such.pth"}
    found = wiring.reconstruction.files(config, RUN)
    assert found["model"] == f"results/pretrain/{RUN}/model.safetensors" and "model_receipt" in found
    assert found["frechet"] == f"results/pretrain/{RUN}/encoder.safetensors" and "inception" not in found
    (tmp_path / "inception.pth").touch()
    config["reconstruction"] |= {"frechet_encoder": "", "inception": str(tmp_path / "inception.pth")}
    found = wiring.reconstruction.files(config, "gone")
    assert found["model"] == "no/such/file.pth" and not {"model_receipt", "frechet"} & set(found)
    assert found["inception"] == str(tmp_path / "inception.pth")
    assert set(json.loads(wiring.reconstruction.settings(config, "gone"))) == {
        *("dataset", "encoder", "frechet_encoder", "inception", "mask_ratio", "threads")
    }


# the report


def test_table_1_compares_the_configs_encoders_with_the_constant_prediction(config):
    found = wiring.report.table_files(config, "1")
    folders = [
        f"results/finetune/{task}/{encoder}-{mode}"
        for task in ("depth", "normals")
        for encoder in ("random", RUN, "there")
        for mode in ("frozen", "whole")
    ]
    folders += ["results/finetune/depth/constant", "results/finetune/normals/constant"]
    assert found["metrics"] == [f"{folder}/metrics.json" for folder in folders]
    assert found["receipts"] == [f"{folder}/receipt.json" for folder in folders]
    assert found["pretrain"] == [f"results/pretrain/{RUN}/receipt.json"]
    assert found["datasets"] == ["results/datasets/mimic-3m/receipt.json"]


def test_baselines_that_are_asked_for_and_missing_are_named_with_the_reason(config):
    config["finetune"]["few_shot"]["encoders"] = ["nowhere"]
    config["reconstruction"]["encoders"] = [RUN, "gone"]
    both = ["gone=the file no/such/file.pth is not there", "nowhere=the file (no path given) is not there"]
    expected = {"1": both, "2": both, "3": [], "4": both[:1], "7": both}
    assert {number: wiring.report.table_missing(config, number) for number in expected} == expected
    expected = {"figure3a": [], "figure3b": both[1:], "scaling": []}
    assert {figure: wiring.report.figure_missing(config, figure) for figure in expected} == expected


def test_tables_and_figures_read_what_their_registry_says(config):
    config["report"] |= {"table3": [RUN], "scaling": [OTHER], "figure3a": ["pose"]}
    config["reconstruction"]["encoders"] = [OTHER, "gone", "there"]
    config["finetune"]["few_shot"] |= {"tasks": ["depth"], "encoders": ["random", "gone"], "train_images": [4]}
    config["pretrain"]["runs"][RUN]["save_encoders_at"] = [3]
    tables = {number: wiring.report.table_files(config, number) for number in map(str, TABLES)}
    figures = {name: wiring.report.figure_files(config, name) for name in FIGURES}
    assert {path.split("/")[2] for path in tables["2"]["metrics"]} == {"segmentation", "pose", "classification"}
    assert {path.split("/")[3].rpartition("-")[0] for path in tables["3"]["metrics"]} == {"random", RUN}
    assert tables["4"]["metrics"] == [f"results/reconstruction/{name}/metrics.json" for name in (OTHER, "there")]
    assert tables["4"]["pretrain"] == [] == tables["7"]["pretrain"]
    assert tables["7"]["metrics"] == wiring.finetune.every_result(config, "metrics.json")
    assert f"results/finetune/pose/{RUN}@3-whole/metrics.json" in figures["figure3a"]["metrics"]
    assert figures["figure3b"]["metrics"] == ["results/few_shot/depth/random-4/metrics.json"]
    assert figures["figure3b"]["datasets"] == [] == figures["figure3b"]["pretrain"]
    assert figures["scaling"]["pretrain"] == [f"results/pretrain/{OTHER}/receipt.json"]


def test_an_unknown_table_is_refused(config):
    for ask in (wiring.report.table_files, wiring.report.table_missing):
        with pytest.raises(MimicError, match="there is no table 6"):
            ask(config, "6")


def test_figure_2_leaves_out_what_is_held_out(config):
    drawn = wiring.report.drawn_datasets(config)
    assert "gibson-heldout" in config["datasets"] and "gibson-heldout" not in drawn
    assert drawn[:2] == ["mimic-1m", "mimic-3m"]
