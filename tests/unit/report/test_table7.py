import json

import numpy as np
import pandas as pd
import pytest
from unit.report.given import BASELINES, RUNS, compared, result, row, script

from mimic_core.evaluation.resampling import bootstrap
from mimic_core.kit.errors import MimicError
from mimic_core.report.table7 import make, markdown


@pytest.fixture
def files(tmp_path):
    return [
        result(tmp_path, "classification", "mae_mimic-3m", "frozen", {"top1": 25.0, "top5": 80.0}),
        result(tmp_path, "pose", "mae_mimic-3m", "whole", {"ap": 20.0, "ar": 30.0, "ap50": 50.0}),
        result(tmp_path, "segmentation", "croco_mimic-3m", "whole", 12.0),
        result(tmp_path, "segmentation", "mae_mimic-3m", "whole", 11.0),
        result(tmp_path, "segmentation", "mae_mimic-3m", "frozen", 10.0),
        result(tmp_path, "segmentation", "random", "whole", 9.0),
        result(tmp_path, "normals", "constant", "constant", 150.0, None, seeds=[0]),
        result(tmp_path, "depth", "croco_mimic-3m", "whole", 40.0),
    ]


def test_a_row_a_task_metric_encoder_and_mode_in_order(files):
    table = make(compared(files, [], RUNS, "sample"))
    assert list(zip(table["metric"], table["encoder"], table["frozen"], strict=True)) == [
        ("delta1", "croco_mimic-3m", "no"),
        ("miou", "random", "no"),
        ("miou", "mae_mimic-3m", "yes"),
        ("miou", "mae_mimic-3m", "no"),
        ("miou", "croco_mimic-3m", "no"),
        ("l1", "constant", "-"),
        ("ap", "mae_mimic-3m", "no"),
        ("ar", "mae_mimic-3m", "no"),
        ("top1", "mae_mimic-3m", "yes"),
    ]
    assert not [column for column in table if "paper" in column]


def test_the_estimates_are_those_of_the_first_seeds_test_images(tmp_path):
    values = np.random.default_rng(0).uniform(0, 100, 30)
    file = result(
        tmp_path,
        "depth",
        "croco_mimic-3m",
        "frozen",
        50.0,
        seeds=[4, 5],
        runs=[{"metrics": {"delta1": values.mean()}}, {"metrics": {"delta1": 0}}],
        bootstrap={"delta1": bootstrap(values, 0)},
    )
    found = row(make(compared([file], [], RUNS, "sample")), metric="delta1")
    assert found["measured"] == round(values.mean(), 2)
    assert found["min"] < found["mean"] < found["max"]
    assert found["std"] == pytest.approx(values.std() / 30**0.5, rel=0.25)
    assert (found["test_sets"], found["test_images"], found["seed"], found["seeds"]) == (100, 20, 4, 2)
    assert (found["unit"], found["data"], found["scale"], found["note"]) == ("%", "sample world", "sample", "")


def test_a_metric_without_an_estimate_is_empty_and_says_so(tmp_path):
    kept = {"ap": {"min": 1, "max": 2, "mean": 1.5, "std": 0.1}}
    file = result(tmp_path, "pose", "mae_mimic-3m", "whole", {"ap": 1.6, "ar": 3.0}, bootstrap=kept)
    table = make(compared([file], [], RUNS, "sample"))
    assert row(table, metric="ap")["max"] == 2
    recall = row(table, metric="ar")
    assert (recall["min"], recall["std"], recall["measured"]) == ("", "", 3.0)
    assert recall["note"] == "not run: the result has no error estimate of ar"


def test_samples_that_were_left_out_are_counted(tmp_path):
    skipped = {"train": [], "test": [{"where": "b.png", "what": "no label"}]}
    table = make(compared([result(tmp_path, "depth", "random", "frozen", 36.0, skipped=skipped)], [], RUNS, "sample"))
    assert table["note"].tolist() == ["depth: samples left out, 1 of test (named in metrics.json)"]


def test_a_missing_checkpoint_is_a_row_at_the_end(files):
    table = make(compared(files, [], RUNS, "sample", BASELINES, {"croco_mv-habitat": "x.pth is not there"}))
    last = table.iloc[-1]
    assert (last["model"], last["dataset"], last["mean"]) == ("CroCo", "MV-Habitat", "")
    assert last["note"] == "not run: x.pth is not there"
    assert "| CroCo | - | MV-Habitat | croco_mv-habitat |  |" in markdown(table, compared([], [], RUNS, "sample"))


def test_the_page_has_a_section_a_metric(files):
    page = markdown(make(compared(files, [], RUNS, "sample")), compared([], [], RUNS, "sample"))
    titles = [line for line in page.splitlines() if line.startswith("## ")]
    assert titles == [
        "## depth delta1 (%) ↑",
        "## segmentation mIoU (%) ↑",
        "## normals L1 (x1000) ↓",
        "## pose AP (%) ↑",
        "## pose AR (%) ↑",
        "## linear probe top-1 (%) ↑",
    ]
    assert "| MAE | yes | MIMIC-3M | mae_mimic-3m | 10.00 | 1.00 | 9.00 | 5.00 | 2.00 | 20 | sample world |  |" in page


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("depth", {"bootstrap": {"delta1": {"min": 1, "max": 2, "mean": 1.5}}}, "incomplete"),
        ("depth", {"bootstrap": ...}, "no key 'bootstrap'"),
        ("depth", {"runs": [{"metrics": {}}]}, "no metric 'delta1'"),
        ("depth", {"encoder": "nobody"}, "'nobody'"),
        ("depth", {"task": "flow"}, "'flow'"),
    ],
)
def test_a_broken_result_is_named(files, tmp_path, task, changes, words):
    broken = result(tmp_path / "broken", task, "mae_mimic-3m", "whole", 1.0, **changes)
    with pytest.raises(MimicError, match=words) as error:
        make(compared([*files, broken], [], RUNS, "sample"))
    assert error.value.where == str(broken)


def test_without_results_there_is_an_empty_table():
    table = make(compared([], [], RUNS, "sample"))
    assert len(table) == 0 and "test_sets" in table
    assert markdown(table, compared([], [], RUNS, "sample")).startswith("# Table 7\n")


def test_the_command_line_writes_both_files(files, tmp_path):
    words = ["--metrics", *map(str, files), "--runs", json.dumps(RUNS), "--scale", "sample"]
    script("table")(
        ["--number", "7", *words, "--csv", str(tmp_path / "out.csv"), "--markdown", str(tmp_path / "out.md")]
    )
    assert len(pd.read_csv(tmp_path / "out.csv")) == 9
    assert (tmp_path / "out.md").read_text().startswith("# Table 7\n")
