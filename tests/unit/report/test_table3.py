import json

import pandas as pd
import pytest
from unit.report.given import RUNS, compared, receipt, result, row, script

from mimic_core.kit.errors import MimicError
from mimic_core.report.table3 import make, markdown

RUNS = RUNS | {"croco_mimic-1m": {"model": "croco", "dataset": "mimic-1m"}}


@pytest.fixture
def files(tmp_path):
    metrics = [
        result(tmp_path, task, encoder, mode, base + {"frozen": 0, "whole": 1}[mode])
        for encoder, base in (("croco_mimic-3m", 50), ("croco_mimic-1m", 40))
        for mode in ("whole", "frozen")
        for task in ("depth", "segmentation", "normals")
        if (encoder, mode, task) != ("croco_mimic-1m", "whole", "segmentation")
    ]
    return metrics, [receipt(tmp_path, "croco_mimic-3m"), receipt(tmp_path, "croco_mimic-1m", training_pairs=300)]


def test_rows_and_numbers_are_the_papers(files):
    table = make(compared(*files, RUNS, "sample"))
    assert list(zip(table["frozen"], table["dataset"], strict=True)) == [
        ("yes", "MIMIC-1M"),
        ("yes", "MIMIC-3M"),
        ("no", "MIMIC-1M"),
        ("no", "MIMIC-3M"),
    ]
    assert list(table["nyuv2_delta1_paper"]) == ["82.67", "85.81", "89.46", "91.79"]
    assert list(table["ade20k_miou_paper"]) == ["27.47", "30.25", "38.45", "42.18"]
    assert list(table["taskonomy_l1_paper"]) == ["67.23", "61.70", "57.12", "53.02"]
    assert list(table["nyuv2_delta1"]) == [40, 50, 41, 51]
    assert list(table["pretraining_pairs"]) == [300, 700, 300, 700]


def test_what_was_not_run_is_empty_and_said(files):
    found = row(make(compared(*files, RUNS, "sample")), frozen="no", dataset="MIMIC-1M")
    assert (found["ade20k_miou"], found["note"]) == ("", "not run: segmentation mIoU")
    absent = row(make(compared(files[0][:3], [], RUNS, "sample")), frozen="yes", dataset="MIMIC-1M")
    assert (absent["nyuv2_delta1"], absent["pretraining_pairs"]) == ("", "")
    assert absent["note"] == "not run: there is no result of croco_mimic-1m, frozen"
    del_run = {"croco_mimic-3m": RUNS["croco_mimic-3m"]}
    assert "no pretraining run of CroCo on MIMIC-1M" in make(compared(files[0][:3], [], del_run, "sample"))["note"][0]


def test_another_model_on_the_same_data_is_not_taken_for_the_papers(files, tmp_path):
    extra = result(tmp_path, "depth", "mae_mimic-3m", "frozen", 77.0)
    last = make(compared([*files[0], extra], files[1], RUNS, "sample")).iloc[-1]
    assert (last["model"], last["nyuv2_delta1"], last["nyuv2_delta1_paper"]) == ("MAE", 77.0, "")


def test_the_page_has_no_gain_where_random_weights_were_not_run(files, tmp_path):
    page = markdown(make(compared(*files, RUNS, "sample")), compared([], [], RUNS, "sample"))
    assert "| CroCo | yes | MIMIC-3M | croco_mimic-3m | 50.00 ± 0.50 | 85.81 | 50.00 ± 0.50 | 30.25 |" in page
    assert "Against random weights" not in page
    floor = result(tmp_path, "normals", "random", "frozen", 60.0)
    page = markdown(make(compared([*files[0], floor], files[1], RUNS, "sample")), compared([], [], RUNS, "sample"))
    assert "| CroCo | yes | MIMIC-3M | croco_mimic-3m |  |  | +10.00 ± 0.71 |" in page


def test_a_broken_file_is_named(files):
    files[0][1].write_text("{")
    with pytest.raises(MimicError) as error:
        make(compared(*files, RUNS, "sample"))
    assert error.value.where == str(files[0][1])


def test_the_command_line_writes_both_files(files, tmp_path):
    words = ["--metrics", *map(str, files[0]), "--pretrain", *map(str, files[1]), "--runs", json.dumps(RUNS)]
    words += ["--scale", "sample", "--csv", str(tmp_path / "out.csv"), "--markdown", str(tmp_path / "out.md")]
    script("table")(["--number", "3", *words])
    assert list(pd.read_csv(tmp_path / "out.csv")["nyuv2_delta1"]) == [40, 50, 41, 51]
    assert (tmp_path / "out.md").read_text().startswith("# Table 3\n")
