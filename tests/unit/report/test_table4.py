import json

import pandas as pd
import pytest
from unit.report.given import BASELINES, RUNS, compared, row, script

from mimic_core.kit.errors import MimicError
from mimic_core.report.table4 import make, markdown


@pytest.fixture
def write(tmp_path):
    """Writes the ``metrics.json`` of a reconstruction."""

    def go(name, mean=0.9, **changes):
        estimate = {"min": 0.8, "max": 1.0, "mean": 0.9, "std": 0.0123}
        content = {
            "task": "reconstruction",
            "dataset": "gibson-heldout",
            "encoder": name,
            "pairs": 20,
            "mask_ratio": 0.9,
            "patches": 49,
            "masks": "abc",
            "loss": {"mean": mean, "std": 0.1, "bootstrap": estimate},
            "pixel_l2": {"mean": 0.0123456, "std": 0.1, "bootstrap": estimate},
            "fid": None,
            "fid_reason": "torch-fidelity is not installed",
            "frechet": 1.23456,
            "frechet_encoder": "mae_mimic-3m",
        }
        path = tmp_path / name / "metrics.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({key: value for key, value in (content | changes).items() if value is not ...}))
        return path

    return go


def test_the_papers_rows_come_first_and_ours_stand_in_them(write):
    files = [write("mae_mimic-3m", 0.95), write("croco_mimic-3m", 0.91234)]
    table = make(compared(files, [], RUNS, "sample"))
    assert list(zip(table["model"], table["dataset"], table["encoder"], strict=True)) == [
        ("CroCo", "MV-Habitat", ""),
        ("CroCo", "MIMIC-3M", "croco_mimic-3m"),
        ("MAE", "MIMIC-3M", "mae_mimic-3m"),
    ]
    assert table["loss"].tolist() == ["", 0.9123, 0.95]
    assert table["loss_paper"].tolist() == ["0.357", "0.292", ""]
    assert table["fid_paper"].tolist() == ["85.77", "73.12", ""]
    assert table["note"].iloc[0] == "not run: needs a released checkpoint of CroCo on MV-Habitat"
    found = row(table, encoder="croco_mimic-3m")
    assert (found["pixel_l2"], found["loss_error"], found["frechet"]) == (0.01235, 0.0123, 1.2346)
    assert (found["pairs"], found["data"], found["scale"]) == (20, "gibson-heldout", "sample")
    assert found["receipt"] == files[1].with_name("receipt.json").as_posix()


def test_a_missing_fid_is_empty_with_its_reason_and_never_the_other_distance(write):
    table = make(compared([write("croco_mimic-3m")], [], RUNS, "sample"))
    found = row(table, encoder="croco_mimic-3m")
    assert (found["fid"], found["note"]) == ("", "no FID: torch-fidelity is not installed")
    page = markdown(table, compared([], [], RUNS, "sample"))
    assert "| 0.9000 ± 0.0123 | 0.292 | 0.01235 ± 0.01230 |  | 73.12 | 1.2346 | 20 |" in page
    assert "Frechet by mae_mimic-3m ↓" in page and "It is no FID" in page
    with_fid = make(compared([write("croco_mimic-3m", fid=70.126, fid_reason="")], [], RUNS, "paper"))
    assert row(with_fid, encoder="croco_mimic-3m")["fid"] == 70.13
    assert "| 70.13 | 73.12 |" in markdown(with_fid, compared([], [], RUNS, "paper"))
    assert "Sample scale" in page and "Sample scale" not in markdown(with_fid, compared([], [], RUNS, "paper"))


def test_without_the_other_distance_there_is_no_column(write):
    file = write("croco_mimic-3m", frechet=None, frechet_encoder="")
    assert "Frechet" not in markdown(make(compared([file], [], RUNS, "sample")), compared([], [], RUNS, "sample"))


def test_missing_baselines_are_rows_with_the_reason(write):
    missing = {"croco_mv-habitat": "x.pth is not there", "croco_released": "y.pth is not there"}
    table = make(compared([write("croco_mimic-3m")], [], RUNS, "sample", BASELINES, missing))
    found = row(table, encoder="croco_mv-habitat")
    assert (found["loss"], found["loss_paper"], found["note"]) == ("", "0.357", "not run: x.pth is not there")
    assert table[table["dataset"] == "MIMIC-3M"]["encoder"].tolist() == ["croco_mimic-3m", "croco_released"]
    assert set(table[table["dataset"] == "MIMIC-3M"]["loss_paper"]) == {"0.292"}
    measured = make(compared([write("croco_released")], [], RUNS, "sample", BASELINES, missing))
    note = row(measured, encoder="croco_released")["note"]
    assert note == "no FID: torch-fidelity is not installed; released checkpoint (ask)"


def test_a_model_that_could_not_paint_is_a_row_with_the_reason(write, tmp_path):
    other = tmp_path / "released.json"
    content = {"task": "reconstruction", "dataset": "gibson-heldout", "encoder": "croco_released"}
    other.write_text(json.dumps({**content, "not_run": "the checkpoint has no decoder (y.pth)"}))
    table = make(compared([write("croco_mimic-3m"), other], [], RUNS, "sample", BASELINES))
    found = row(table, encoder="croco_released")
    assert found["note"] == "not run: the checkpoint has no decoder (y.pth)"
    assert (found["loss"], found["fid"], found["pairs"], found["loss_paper"]) == ("", "", "", "0.292")
    assert row(table, encoder="croco_mimic-3m")["loss"] == 0.9
    assert "has no decoder (y.pth)" in markdown(table, compared([], [], RUNS, "sample"))
    other.write_text(json.dumps({"task": "reconstruction", "not_run": "no encoder named"}))
    with pytest.raises(MimicError, match="no key 'encoder'"):
        make(compared([other], [], RUNS, "sample", BASELINES))


def test_other_patches_are_said_and_other_masks_refused(write):
    files = [write("croco_mimic-3m"), write("mae_mimic-3m", patches=196, masks="def")]
    assert "into 49 and 196 patches" in markdown(
        make(compared(files, [], RUNS, "sample")), compared([], [], RUNS, "sample")
    )
    files = [write("croco_mimic-3m"), write("mae_mimic-3m", masks="def")]
    with pytest.raises(MimicError, match="different pairs or masked patches") as caught:
        make(compared(files, [], RUNS, "sample"))
    assert all(str(path) in caught.value.where for path in files)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "mimic-3m"}, "dataset is"),
        ({"pairs": 21}, "pairs is"),
        ({"mask_ratio": 0.75}, "mask_ratio is"),
        ({"frechet_encoder": "random"}, "frechet_encoder is"),
        ({"encoder": "croco_mimic-3m"}, "two results for croco_mimic-3m"),
        ({"encoder": "nobody"}, "'nobody'"),
        ({"task": "depth"}, "task 'depth'"),
        ({"loss": 0.3}, "loss has no mean"),
        ({"loss": {"mean": None, "bootstrap": {"std": 1.0}}}, "loss is None"),
        ({"fid": "none"}, "fid is 'none'"),
        ({"fid_reason": ...}, "no key 'fid_reason'"),
    ],
)
def test_a_broken_or_unlike_result_is_named(write, changes, words):
    files = [write("croco_mimic-3m"), write("mae_mimic-3m", **changes)]
    with pytest.raises(MimicError, match=words) as caught:
        make(compared(files, [], RUNS, "sample"))
    assert str(files[1]) in caught.value.where


def test_without_results_the_papers_rows_stand(write):
    table = make(compared([], [], RUNS, "paper"))
    assert len(table) == 2 and set(table["loss"]) == {""}
    assert table["note"].tolist()[1] == "not run: there is no result of croco_mimic-3m"


def test_the_command_line_writes_both_files(write, tmp_path):
    words = ["--metrics", str(write("croco_mimic-3m")), "--runs", json.dumps(RUNS), "--scale", "sample"]
    script("table")(
        ["--number", "4", *words, "--csv", str(tmp_path / "out.csv"), "--markdown", str(tmp_path / "out.md")]
    )
    assert len(pd.read_csv(tmp_path / "out.csv")) == 2
    assert (tmp_path / "out.md").read_text().startswith("# Table 4\n")
