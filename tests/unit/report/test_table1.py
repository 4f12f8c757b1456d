import json

import pandas as pd
import pytest
from unit.report.given import BASELINES, RUNS, compared, receipt, result, row, script

from mimic_core.kit.errors import MimicError
from mimic_core.report.table1 import make, markdown


@pytest.fixture
def files(tmp_path):
    metrics = [
        result(tmp_path, "depth", "constant", "constant", 27.8, None, seeds=[0]),
        result(tmp_path, "normals", "constant", "constant", 150.0, None, seeds=[0]),
        result(tmp_path, "depth", "random", "frozen", 36.0),
        result(tmp_path, "normals", "random", "frozen", 120.0),
        result(tmp_path, "depth", "croco_mimic-3m", "frozen", 38.123),
        result(tmp_path, "normals", "croco_mimic-3m", "frozen", 110.0),
        result(tmp_path, "depth", "mae_mimic-3m", "whole", 40.0),
    ]
    return metrics, [receipt(tmp_path, "croco_mimic-3m")]


def test_ours_stand_beside_the_papers(files):
    croco = row(make(compared(*files, RUNS, "sample")), model="CroCo", frozen="yes", dataset="MIMIC-3M")
    assert (croco["nyuv2_delta1"], croco["nyuv2_delta1_std"]) == (38.12, 0.5)
    assert croco["nyuv2_delta1_paper"] == "85.81"
    assert croco["pretraining_pairs"] == 700
    assert croco["scale"] == "sample"
    assert (croco["nyuv2_data"], croco["nyuv2_test_images"], croco["seeds"]) == ("sample world", 20, 3)
    assert croco["nyuv2_receipt"].endswith("depth/croco_mimic-3m-frozen-60/receipt.json")
    assert croco["encoder"] == "croco_mimic-3m"
    assert croco["note"] == ""


def test_the_floor_comes_first(files):
    table = make(compared(*files, RUNS, "sample"))
    assert list(table["model"][:2]) == ["constant prediction", "random weights"]
    assert table["nyuv2_delta1"][0] == 27.8


def test_rows_that_were_not_run_are_empty_and_say_why(files):
    table = make(compared(*files, RUNS, "sample"))
    dino = row(table, model="DINO", frozen="no", dataset="ImageNet-1K")
    assert dino["nyuv2_delta1"] == "" == dino["taskonomy_l1"] == dino["nyuv2_receipt"] == dino["scale"]
    assert float(dino["nyuv2_delta1_paper"]) == 81.45
    assert dino["note"] == "not run: needs a released checkpoint of DINO on ImageNet-1K"
    assert "no pretraining run of DINO" in row(table, model="DINO", frozen="yes")["note"]
    assert "rerun: 84.66" in row(table, model="CroCo", frozen="yes", dataset="MV-Habitat")["note"]
    whole = row(table, model="CroCo", frozen="no", dataset="MIMIC-3M")
    assert whole["note"] == "not run: there is no result of croco_mimic-3m, whole"


def test_a_row_with_one_task_measured_keeps_the_other_empty(files):
    mae = row(make(compared(*files, RUNS, "sample")), model="MAE", frozen="no", dataset="MIMIC-3M")
    assert mae["nyuv2_delta1"] == 40.0
    assert mae["taskonomy_l1"] == ""
    assert mae["note"] == "not run: normals L1"


def test_samples_that_were_left_out_are_counted_in_the_note(files, tmp_path):
    bad = {"where": "b.png", "what": "no label"}
    few = result(tmp_path, "depth", "croco_mimic-3m", "whole", 40.0, skipped={"train": [bad, bad], "test": [bad]})
    whole = result(tmp_path, "normals", "croco_mimic-3m", "whole", 100.0, skipped={"train": [], "test": []})
    croco = row(
        make(compared([*files[0], few, whole], files[1], RUNS, "sample")),
        model="CroCo",
        frozen="no",
        encoder="croco_mimic-3m",
    )
    assert croco["note"] == "depth: samples left out, 2 of train and 1 of test (named in metrics.json)"


def test_a_dataset_that_is_short_of_pairs_is_named_wherever_it_was_trained_on(files, tmp_path):
    table = make(compared(*files, RUNS, "sample", short={"mimic-3m": "81% of the pairs wanted"}))
    rows = table[table["encoder"].str.endswith("mimic-3m") & (table["scale"] != "")]
    assert len(rows) == 2
    assert rows["note"].str.contains("MIMIC-3M: 81% of the pairs wanted").all()
    assert not table[table["encoder"] == "random"]["note"].any()


def test_the_papers_eleven_rows_are_all_there_in_its_order(files):
    table = make(compared(*files, RUNS, "sample"))
    paper = table[table["nyuv2_delta1_paper"] != ""]
    numbers = "81.45 85.1 80.65 79.00 85.32 77.98 85.20 85.81 78.67 85.60 91.79"
    assert list(paper["nyuv2_delta1_paper"]) == numbers.split()


def test_a_run_the_paper_has_not_is_a_row_of_its_own(files, tmp_path):
    extra = result(tmp_path, "depth", "croco_mimic-1m", "frozen", 37.0)
    runs = {**RUNS, "croco_mimic-1m": {"model": "croco", "dataset": "mimic-1m"}}
    table = make(compared([*files[0], extra], files[1], runs, "sample"))
    found = row(table, dataset="MIMIC-1M", frozen="yes")
    assert found["nyuv2_delta1"] == 37.0
    assert found["nyuv2_delta1_paper"] == ""
    assert table["dataset"].iloc[-1] == "MIMIC-1M"


def test_two_encoders_that_the_paper_calls_by_one_name_are_two_rows(files, tmp_path):
    matched = {"croco_matched": {"model": "croco", "dataset": "mimic-3m"}}
    extra = [
        result(tmp_path, "depth", "croco_released", "frozen", 88.0),
        result(tmp_path, "normals", "croco_released", "frozen", 60.0),
        result(tmp_path, "depth", "croco_matched", "frozen", 39.0),
    ]
    table = make(compared([*extra, *files[0]], files[1], RUNS | matched, "sample", BASELINES))
    found = table[(table["model"] == "CroCo") & (table["frozen"] == "yes") & (table["dataset"] == "MIMIC-3M")]
    assert list(found["encoder"]) == ["croco_mimic-3m", "croco_matched", "croco_released"]
    assert list(found["nyuv2_delta1"]) == [38.12, 39.0, 88.0]
    assert set(found["nyuv2_delta1_paper"]) == {"85.81"}
    assert found["note"].iloc[-1] == "released checkpoint (ask)"


def test_a_missing_checkpoint_is_named_in_the_papers_rows_and_beside_our_own(files):
    missing = {"croco_mv-habitat": "x.pth is not there", "croco_released": "y.pth is not there"}
    table = make(compared(*files, RUNS, "sample", BASELINES, missing))
    habitat = table[table["encoder"] == "croco_mv-habitat"]
    assert list(habitat["frozen"]) == ["yes", "no"]
    assert list(habitat["nyuv2_delta1_paper"]) == ["85.20", "85.60"]
    assert all(habitat["note"].str.startswith("not run: x.pth is not there; the paper's own rerun"))
    assert set(habitat["nyuv2_delta1"]) == {""}
    own = table[(table["dataset"] == "MIMIC-3M") & (table["model"] == "CroCo")]
    assert list(own["encoder"]) == ["croco_mimic-3m", "croco_released", "croco_released"]
    assert (table["note"] == "not run: y.pth is not there").sum() == 2


def test_a_missing_checkpoint_that_the_paper_has_not_is_the_last_row(files):
    other = {"other": {"model": "iBOT", "dataset": "Places", "path": "z.pth"}}
    last = make(compared(*files, RUNS, "sample", other, {"other": "z.pth is not there"})).iloc[-1]
    assert (last["model"], last["frozen"], last["dataset"]) == ("iBOT", "-", "Places")
    assert last["note"] == "not run: z.pth is not there"


def test_an_encoder_of_a_single_epoch_is_not_taken_for_the_papers(files, tmp_path):
    extra = result(tmp_path, "depth", "croco_mimic-3m@6", "frozen", 33.0)
    found = row(make(compared([*files[0], extra], files[1], RUNS, "sample")), encoder="croco_mimic-3m@6")
    assert (found["dataset"], found["nyuv2_delta1_paper"]) == ("MIMIC-3M (epoch 6)", "")


def test_the_page_warns_at_sample_scale_and_shows_the_gain(files):
    page = markdown(make(compared(*files, RUNS, "sample")), compared([], files[1], RUNS, "sample"))
    assert "must not be compared" in page
    assert "| CroCo | yes | MIMIC-3M | croco_mimic-3m | +2.12 ± 0.71 | +10.00 ± 0.71 |" in page
    assert "| croco_mimic-3m | 700 | 440 | 1.200 | 0.800 | 1.100 | 0.850 | 0.900 | 0.050 |" in page
    assert "| 38.12 ± 0.50 | 85.81 | 110.00 ± 0.50 | 61.7 | 3 | 20, 20 | sample world |  |" in page
    assert "depth delta1 (%) ↑" in page and "normals L1 (x1000) ↓" in page
    assert "must not be compared" not in markdown(
        make(compared(*files, RUNS, "paper")), compared([], files[1], RUNS, "paper")
    )


def test_the_gain_of_a_single_seed_claims_no_spread(tmp_path):
    metrics = [
        result(tmp_path, "depth", "random", "whole", 30.0, None, seeds=[0]),
        result(tmp_path, "depth", "mae_mimic-3m", "whole", 33.0, None, seeds=[0]),
    ]
    page = markdown(make(compared(metrics, [], RUNS, "paper")), compared([], [], RUNS, "paper"))
    assert "| MAE | no | MIMIC-3M | mae_mimic-3m | +3.00 |  |" in page


def test_a_reason_cannot_break_the_page(files):
    page = markdown(
        make(compared(*files, RUNS, "sample", BASELINES, {"croco_mv-habitat": "a|b\nc"})),
        compared([], files[1], RUNS, "sample"),
    )
    assert "not run: a\\|b c;" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mean": ...}, "no key 'mean'"),
        ({"mean": {}}, "no metric 'delta1'"),
        ({"mean": {"delta1": float("nan")}}, "not a number"),
        ({"std": [0.5]}, "does not map metrics to numbers"),
        ({"runs": []}, "no list of runs"),
        ({"skipped": {"train": None}}, "does not map parts to lists of samples"),
        ({"skipped": []}, "does not map parts to lists of samples"),
        ({"seeds": [], "runs": [{"metrics": {"delta1": 1.0}}]}, "no list of seeds"),
        ({"mode": "thawed"}, "'thawed'"),
        ({"encoder": "nobody"}, "'nobody'"),
    ],
)
def test_a_broken_result_is_named(files, tmp_path, changes, words):
    broken = result(tmp_path / "broken", "depth", "croco_mimic-3m", "whole", 1.0, **changes)
    with pytest.raises(MimicError, match=words) as error:
        make(compared([*files[0], broken], files[1], RUNS, "sample"))
    assert error.value.where == str(broken)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\ud800"])
def test_a_file_that_is_no_result_is_named(files, tmp_path, content):
    broken = tmp_path / "broken.json"
    broken.write_text(content, errors="surrogatepass")
    with pytest.raises(MimicError) as error:
        make(compared([*files[0], broken], files[1], RUNS, "sample"))
    assert error.value.where == str(broken)


def test_two_results_for_one_cell_are_refused(files, tmp_path):
    twin = result(tmp_path, "depth", "croco_mimic-3m", "frozen", 99.0, train_images=8)
    with pytest.raises(MimicError, match="two results for depth, croco_mimic-3m, frozen") as error:
        make(compared([*files[0], twin], files[1], RUNS, "sample"))
    assert str(twin) in error.value.where


def test_a_receipt_without_its_pairs_is_named(files):
    files[1][0].write_text(json.dumps({"statistics": {}}))
    with pytest.raises(MimicError, match="training_pairs") as error:
        make(compared(*files, RUNS, "sample"))
    assert error.value.where == str(files[1][0])


def test_the_command_line_writes_both_files(files, tmp_path):
    words = ["--metrics", *map(str, files[0]), "--pretrain", str(files[1][0]), "--runs", json.dumps(RUNS)]
    words += ["--baselines", json.dumps(BASELINES), "--missing", "croco_mv-habitat=x.pth = gone", "--scale", "sample"]
    words += ["--missing", "croco_released=y.pth is gone"]
    script("table")(
        ["--number", "1", *words, "--csv", str(tmp_path / "out.csv"), "--markdown", str(tmp_path / "out.md")]
    )
    table = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(
        table,
        make(
            compared(
                *files,
                RUNS,
                "sample",
                BASELINES,
                {"croco_mv-habitat": "x.pth = gone", "croco_released": "y.pth is gone"},
            )
        ).astype(str),
        check_dtype=False,
    )
    assert (tmp_path / "out.md").read_text().startswith("# Table 1\n")


@pytest.mark.parametrize("words", [["croco_mv-habitat"], ["croco_mv-habitat="], ["nobody=gone"], ["a=b", "a=c"]])
def test_a_missing_encoder_needs_a_known_name_and_a_reason(files, tmp_path, words):
    arguments = ["--metrics", str(files[0][0]), "--runs", json.dumps(RUNS), "--baselines", json.dumps(BASELINES)]
    arguments += ["--scale", "sample", "--csv", str(tmp_path / "o.csv"), "--markdown", str(tmp_path / "o.md")]
    with pytest.raises(MimicError):
        script("table")(["--number", "1", *arguments, "--missing", *words])
    assert not (tmp_path / "o.csv").exists()
