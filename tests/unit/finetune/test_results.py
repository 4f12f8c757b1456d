"""Whole jobs through the command lines: files, their content, seeds, and errors."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimic_core.finetune import ConstantSettings, constant_baseline, finetune, get_task
from mimic_core.finetune.results import SeedResult, summarise
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder, save_encoder

SCRIPTS = Path(__file__).parents[3] / "workflow_scripts"


def script(name: str):
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def settings_json(settings, **changes) -> str:
    return json.dumps(dataclasses.asdict(settings) | changes)


@pytest.mark.parametrize("task", ["depth", "normals"])
def test_a_job_leaves_metrics_pictures_and_a_receipt(make_settings, datasets, tmp_path, task):
    out = tmp_path / "out"
    arguments = ["--encoder", "random", "--data", str(datasets[task]), "--out", str(out), "--seed", "3"]
    script("finetune_run")([*arguments, "--settings", settings_json(make_settings(task=task, seeds=[0, 1]))])
    result = json.loads((out / "metrics.json").read_text())
    metric = {"depth": "delta1", "normals": "l1"}[task]
    assert result["metric"] == metric and result["mode"] == "frozen" and result["encoder"] == "random"
    assert result["data"] == {"depth": "NYUv2", "normals": "Taskonomy"}[task]
    assert (result["train_images"], result["test_images"], result["seeds"]) == (8, 3, [0, 1])
    values = [run["metrics"][metric] for run in result["runs"]]
    assert values[0] == pytest.approx(np.mean(result["runs"][0]["per_image"][metric]), abs=1e-4)
    assert result["mean"][metric] == pytest.approx(np.mean(values), abs=1e-5)
    assert result["std"][metric] == pytest.approx(np.std(values, ddof=1), abs=1e-5)
    assert values[0] != values[1]  # another seed, another random encoder
    assert set(result["bootstrap"][metric]) == {"min", "max", "mean", "std"}
    assert [epoch for epoch, _ in result["curve"]] == [1, 2]
    receipt = json.loads((out / "receipt.json").read_text())
    assert receipt["stage"] == "finetune" and receipt["settings"]["seed"] == 3
    assert {Path(path).name for path in receipt["outputs"]} == {"metrics.json", "predictions.png"}
    with Image.open(out / "predictions.png") as picture:
        assert picture.size[0] > 600 and len(picture.convert("RGB").getcolors(1 << 20)) > 50
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "predictions.png", "receipt.json"]


def test_a_receipt_names_the_list_of_every_part_that_is_read(make_settings, taskonomy, tmp_path):
    lists = {}
    for part, building in (("train", "allen"), ("val", "cobalt"), ("test", "beach")):
        lists[part] = f"splits/tiny_{part}.csv"
        (taskonomy / lists[part]).write_text(f"building,point,view\n{building},0,0\n")
    settings = make_settings(task="normals", epochs=1, warmup_epochs=0, validate_every=1, splits=lists)
    finetune(settings, "random", tmp_path / "out", data=taskonomy)
    constant = ConstantSettings("normals", settings.image_size, settings.protocol, lists)
    constant_baseline(constant, taskonomy, tmp_path / "constant")
    read = {str(taskonomy / name) for name in lists.values()}
    assert set(json.loads((tmp_path / "out" / "receipt.json").read_text())["inputs"]) == read
    inputs = set(json.loads((tmp_path / "constant" / "receipt.json").read_text())["inputs"])
    assert inputs == read - {str(taskonomy / lists["val"])}


@pytest.mark.parametrize("mode", ["frozen", "whole"])
def test_a_pretrained_encoder_is_used_as_it_is(make_settings, nyuv2, tmp_path, mode):
    settings = make_settings(mode=mode, encoder="run", seeds=[0, 1])
    weights = tmp_path / "encoder.safetensors"
    save_encoder(weights, build_encoder(settings.architecture, 5), {})
    result = finetune(settings, weights, tmp_path / "out", data=nyuv2)
    again = finetune(settings, str(weights), tmp_path / "again", data=nyuv2)
    assert (tmp_path / "out" / "metrics.json").read_bytes() == (tmp_path / "again" / "metrics.json").read_bytes()
    assert (tmp_path / "out" / "predictions.png").read_bytes() == (tmp_path / "again" / "predictions.png").read_bytes()
    alone = finetune(make_settings(mode=mode, encoder="run", seeds=[1]), weights, tmp_path / "alone", data=nyuv2)
    assert alone["runs"][0] == result["runs"][1] == again["runs"][1]  # a seed does not depend on the others
    assert alone["std"]["delta1"] is None
    inputs = json.loads((tmp_path / "out" / "receipt.json").read_text())["inputs"]
    assert str(weights) in inputs


def test_the_settings_name_the_data_where_the_command_line_does_not(make_settings, nyuv2, tmp_path):
    assert finetune(make_settings(root=str(nyuv2)), "random", tmp_path / "out")["test_images"] == 3
    with pytest.raises(MimicError, match="no dataset is named"):
        finetune(make_settings(), "random", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_constant_has_the_same_form(datasets, tmp_path, make_settings):
    for task, root in datasets.items():
        out = tmp_path / f"constant_{task}"
        arguments = ["--data", str(root), "--out", str(out)]
        arguments += ["--settings", json.dumps({"task": task, "image_size": 32})]
        script("constant_baseline")(arguments)
        result = json.loads((out / "metrics.json").read_text())
        trained = finetune(make_settings(task=task), "random", tmp_path / f"trained_{task}", data=root)
        assert set(result) == set(trained) | {"constant"}
        assert result["mode"] == result["encoder"] == "constant"
        assert result["test_images"] == trained["test_images"] and set(result["mean"]) == set(trained["mean"])
        assert len(result["constant"]) == get_task(task).channels
        assert json.loads((out / "receipt.json").read_text())["statistics"]["constant"] == result["constant"]


def test_the_constant_refuses_unknown_settings(nyuv2, tmp_path):
    with pytest.raises(MimicError, match="unknown key 'imagesize'"):
        ConstantSettings.from_dict({"task": "depth", "imagesize": 3})
    with pytest.raises(MimicError, match="'task' is missing"):
        script("constant_baseline")(["--data", str(nyuv2), "--out", str(tmp_path / "out")])
    with pytest.raises(MimicError, match="no task 'dept'"):
        constant_baseline(ConstantSettings("dept"), nyuv2, tmp_path / "out")


def test_missing_weights_leave_nothing_behind(make_settings, nyuv2, tmp_path):
    with pytest.raises(MimicError, match="no weights file"):
        finetune(make_settings(), tmp_path / "absent.safetensors", tmp_path / "out", data=nyuv2)
    assert not (tmp_path / "out").exists()


def test_test_images_without_labels_are_left_out(caplog):
    task = get_task("normals")
    per_image = {"l1": np.array([40.0, np.nan, 60.0]), "angle": np.array([4.0, np.nan, 6.0])}
    about = {"encoder": "random", "mode": "whole", "data": "Taskonomy", "train_images": 1, "seed": 0}
    result = summarise(task, [SeedResult(0, per_image)], **about)
    assert result["test_images"] == 2 and result["mean"]["l1"] == 50
    assert "1 test images" in caplog.text
    nothing = {name: np.full(3, np.nan) for name in per_image}
    with pytest.raises(MimicError, match="no test image has a pixel with a label"):
        summarise(task, [SeedResult(0, nothing)], **about)
