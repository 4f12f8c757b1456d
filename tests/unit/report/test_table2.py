import json

import pandas as pd
import pytest
from unit.report.given import BASELINES, RUNS, compared, receipt, result, row, script

from mimic_core.kit.errors import MimicError
from mimic_core.report.table2 import make, markdown


@pytest.fixture
def files(tmp_path):
    metrics = [
        result(tmp_path, "segmentation", "random", "whole", 5.0),
        result(tmp_path, "segmentation", "croco_mimic-3m", "whole", 11.456, 0.25),
        result(tmp_path, "pose", "croco_mimic-3m", "whole", {"ap": 21.0, "ar": 31.0, "ap50": 60.0}, None, seeds=[0]),
        result(tmp_path, "classification", "croco_mimic-3m", "frozen", {"top1": 25.0, "top5": 70.0}),
        result(tmp_path, "classification", "mae_mimic-3m", "frozen", 29.0),
    ]
    return metrics, [receipt(tmp_path, "croco_mimic-3m")]


def test_the_papers_five_rows_are_there_in_its_order_with_its_numbers(files):
    table = make(compared(*files, RUNS, "sample"))
    assert table["model"][0] == "random weights"
    paper = table[1:]
    assert list(zip(paper["model"], paper["dataset"], strict=True)) == [
        ("MAE", "MV-Habitat"),
        ("MAE", "MIMIC-3M"),
        ("CroCo", "MV-Habitat"),
        ("CroCo", "MIMIC-3M"),
        ("MAE", "ImageNet-1K"),
    ]
    assert list(paper["ade20k_miou_paper"]) == ["40.30", "40.54", "40.60", "42.18", "46.10"]
    assert list(paper["coco_ap_paper"]) == ["", "69.13", "66.50", "72.80", "74.90"]
    assert list(paper["coco_ar_paper"]) == ["", "75.22", "73.20", "78.40", "80.40"]
    assert list(paper["imagenet_top1_paper"]) == ["32.50", "39.86", "37.00", "39.64", "67.45"]


def test_one_row_gathers_the_tasks_of_an_encoder(files):
    croco = row(make(compared(*files, RUNS, "sample")), encoder="croco_mimic-3m")
    assert (croco["ade20k_miou"], croco["ade20k_miou_std"]) == (11.46, 0.25)
    assert (croco["coco_ap"], croco["coco_ap_std"], croco["coco_ar"]) == (21.0, "", 31.0)
    assert croco["imagenet_top1"] == 25.0
    assert croco["seeds"] == "ade20k 3, coco 1, imagenet 3"
    assert croco["pretraining_pairs"] == 700
    assert croco["note"].startswith("the released log's 39.64 is the best of 90 epochs"), "what is beside the paper's"
    assert "frozen" not in croco


def test_what_was_not_run_is_empty_and_said(files):
    table = make(compared(*files, RUNS, "sample", BASELINES, {"croco_mv-habitat": "x.pth is not there"}))
    mae = row(table, encoder="mae_mimic-3m")
    assert (mae["imagenet_top1"], mae["ade20k_miou"], mae["coco_ap"]) == (29.0, "", "")
    assert mae["note"] == "not run: segmentation mIoU, pose AP, pose AR"
    assert row(table, encoder="croco_mv-habitat")["note"] == "not run: x.pth is not there"
    assert "needs a released checkpoint of MAE on MV-Habitat" in row(table, model="MAE", dataset="MV-Habitat")["note"]


def test_results_of_other_tasks_and_modes_are_left_out(files, tmp_path):
    others = [
        result(tmp_path, "depth", "mae_mimic-3m", "whole", 99.0),
        result(tmp_path, "classification", "mae_mimic-3m", "whole", 99.0),
        result(tmp_path, "pose", "mae_mimic-3m", "frozen", {"ap": 99.0, "ar": 99.0}),
    ]
    pd.testing.assert_frame_equal(
        make(compared([*files[0], *others], files[1], RUNS, "sample")), make(compared(*files, RUNS, "sample"))
    )


def test_frozen_segmentation_has_a_column_beside_version_1_only_where_it_was_run(files, tmp_path):
    assert "ade20k_frozen_miou" not in make(compared(*files, RUNS, "sample"))
    frozen = result(tmp_path, "segmentation", "croco_mimic-3m", "frozen", 8.0)
    table = make(compared([*files[0], frozen], files[1], RUNS, "sample"))
    croco = row(table, encoder="croco_mimic-3m")
    assert (croco["ade20k_miou"], croco["ade20k_frozen_miou"]) == (11.46, 8.0)
    assert croco["ade20k_receipt"] != croco["ade20k_frozen_receipt"]
    assert croco["ade20k_frozen_miou_paper"] == "30.25"
    assert row(table, encoder="mae_mimic-3m")["ade20k_frozen_miou_paper"] == "29.05"
    assert "paper's version 1" in markdown(table, compared([], [], RUNS, "sample"))


def test_the_page_shows_units_and_the_gain(files):
    page = markdown(make(compared(*files, RUNS, "sample")), compared([], [], RUNS, "sample"))
    assert "segmentation mIoU (%) ↑ | paper | pose AP (%) ↑ | paper | pose AR (%) ↑ | paper | linear probe" in page
    assert "| CroCo | MIMIC-3M | croco_mimic-3m | 11.46 ± 0.25 | 42.18 | 21.00 | 72.80 | 31.00 | 78.40 | 25.00" in page
    assert "| CroCo | MIMIC-3M | croco_mimic-3m | +6.46 ± 0.56 |  |  |  |" in page
    assert "ADE20K, COCO and ImageNet-1K" in page


def test_a_pose_without_its_recall_is_refused_by_name(files, tmp_path):
    broken = result(tmp_path, "pose", "mae_mimic-3m", "whole", {"ap": 1.0})
    with pytest.raises(MimicError, match="'ar'") as error:
        make(compared([*files[0], broken], files[1], RUNS, "sample"))
    assert error.value.where == str(broken)


def test_the_command_line_writes_both_files(files, tmp_path):
    words = ["--metrics", *map(str, files[0]), "--runs", json.dumps(RUNS), "--missing", "--scale", "paper"]
    script("table")(
        ["--number", "2", *words, "--csv", str(tmp_path / "out.csv"), "--markdown", str(tmp_path / "out.md")]
    )
    assert len(pd.read_csv(tmp_path / "out.csv")) == 6
    assert (tmp_path / "out.md").read_text().startswith("# Table 2\n")
