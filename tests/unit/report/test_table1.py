import json

import pandas as pd
import pytest

from mimic_core.report.table1 import markdown, table1

RUNS = {
    "mae_mimic-3m": {"model": "mae", "dataset": "mimic-3m"},
    "croco_mimic-3m": {"model": "croco", "dataset": "mimic-3m"},
}


def result(folder, task, encoder, mode, mean, std=0.5):
    metric = {"depth": "delta1", "normals": "l1"}[task]
    path = folder / task / f"{encoder}-{mode}" / "metrics.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "task": task,
                "encoder": encoder,
                "mode": mode,
                "metric": metric,
                "data": "sample world",
                "seeds": [0, 1, 2],
                "mean": {metric: mean},
                "std": {metric: std},
            }
        )
    )
    return path


@pytest.fixture
def files(tmp_path):
    metrics = [
        result(tmp_path, "depth", "constant", "constant", 27.8, None),
        result(tmp_path, "normals", "constant", "constant", 150.0, None),
        result(tmp_path, "depth", "random", "frozen", 36.0),
        result(tmp_path, "normals", "random", "frozen", 120.0),
        result(tmp_path, "depth", "croco_mimic-3m", "frozen", 38.123),
        result(tmp_path, "normals", "croco_mimic-3m", "frozen", 110.0),
        result(tmp_path, "depth", "mae_mimic-3m", "whole", 40.0),
    ]
    receipt = tmp_path / "croco_mimic-3m" / "receipt.json"
    receipt.parent.mkdir()
    receipt.write_text(
        json.dumps(
            {
                "statistics": {
                    "training_pairs": 700,
                    "iterations": 440,
                    "first_loss": 1.2,
                    "last_loss": 0.8,
                    "val_loss_first": 1.1,
                    "val_loss": 0.85,
                    "val_loss_shuffled": 0.9,
                    "cross_view_gain": 0.05,
                }
            }
        )
    )
    return metrics, [receipt]


def row(table: pd.DataFrame, model: str, frozen: str, dataset: str = "MIMIC-3M") -> dict:
    found = table[(table["model"] == model) & (table["frozen"] == frozen) & (table["dataset"] == dataset)]
    assert len(found) == 1
    return found.iloc[0].to_dict()


def test_ours_stand_beside_the_papers(files):
    croco = row(table1(*files, RUNS, "sample"), "CroCo", "yes")
    assert (croco["nyuv2_delta1"], croco["nyuv2_delta1_std"]) == (38.12, 0.5)
    assert float(croco["nyuv2_delta1_paper"]) == 85.81
    assert croco["pretraining_pairs"] == 700
    assert croco["scale"] == "sample"
    assert croco["nyuv2_data"] == "sample world"
    assert croco["nyuv2_receipt"].endswith("depth/croco_mimic-3m-frozen/receipt.json")
    assert croco["note"] == ""


def test_the_floor_comes_first(files):
    table = table1(*files, RUNS, "sample")
    assert list(table["model"][:2]) == ["constant prediction", "random weights"]
    assert table["nyuv2_delta1"][0] == 27.8


def test_rows_that_were_not_run_are_empty_and_say_why(files):
    table = table1(*files, RUNS, "sample")
    dino = row(table, "DINO", "no", "ImageNet-1K")
    assert dino["nyuv2_delta1"] == "" == dino["taskonomy_l1"] == dino["nyuv2_receipt"]
    assert float(dino["nyuv2_delta1_paper"]) == 81.45
    assert dino["note"] == "not run: needs a released checkpoint of DINO on ImageNet-1K"
    assert "no pretraining run of DINO" in row(table, "DINO", "yes")["note"]
    assert "rerun: 84.66" in row(table, "CroCo", "yes", "MV-Habitat")["note"]


def test_a_row_with_one_task_measured_keeps_the_other_empty(files):
    mae = row(table1(*files, RUNS, "sample"), "MAE", "no")
    assert mae["nyuv2_delta1"] == 40.0
    assert mae["taskonomy_l1"] == ""


def test_the_papers_eleven_rows_are_all_there(files):
    table = table1(*files, RUNS, "sample")
    assert (table["nyuv2_delta1_paper"] != "").sum() == 11


def test_a_run_the_paper_has_not_is_a_row_of_its_own(files, tmp_path):
    extra = result(tmp_path, "depth", "croco_mimic-1m", "frozen", 37.0)
    runs = {**RUNS, "croco_mimic-1m": {"model": "croco", "dataset": "mimic-1m"}}
    found = row(table1([*files[0], extra], files[1], runs, "sample"), "CroCo", "yes", "MIMIC-1M")
    assert found["nyuv2_delta1"] == 37.0
    assert found["nyuv2_delta1_paper"] == ""


def test_the_page_warns_at_sample_scale_and_shows_the_gain(files):
    page = markdown(table1(*files, RUNS, "sample"), files[1], "sample")
    assert "must not be compared" in page
    assert "| CroCo | yes | MIMIC-3M | +2.12 ± 0.71 | +10.00 ± 0.71 |" in page
    assert "| croco_mimic-3m | 700 | 440 | 1.200 | 0.800 | 1.100 | 0.850 | 0.900 | 0.050 |" in page
    assert "must not be compared" not in markdown(table1(*files, RUNS, "paper"), files[1], "paper")
