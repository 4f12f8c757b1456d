import json

import matplotlib.image
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from unit.report.given import BASELINES, RUNS, receipt, result, row, script

from mimic_core.kit.errors import MimicError
from mimic_core.report.encoders import Encoders
from mimic_core.report.figure3 import colours_of, draw_figure3, draw_line, figure3a, figure3b, scaling

RUNS = RUNS | {"croco_mimic-1m": {"model": "croco", "dataset": "mimic-1m"}}
ENCODERS = Encoders(RUNS, BASELINES)
EPOCHS = {"croco_mimic-3m": 24, "croco_mimic-1m": 30}


@pytest.fixture
def over_epochs(tmp_path):
    return [
        result(tmp_path, task, encoder, mode, value)
        for task in ("segmentation", "depth")
        for encoder, value in (
            ("croco_mimic-1m", 40.0),
            ("croco_mimic-3m", 50.0),
            ("croco_mimic-3m@6", 45.0),
            ("croco_mimic-3m@12", 48.0),
            ("random", 30.0),
        )
        for mode in ("whole", "frozen")
    ]


@pytest.fixture
def few_shot(tmp_path):
    return [
        result(tmp_path, "depth", encoder, "frozen", base + count, 1.5, seeds=range(5), train_images=count)
        for encoder, base in (("croco_mv-habitat", 40), ("croco_mimic-3m", 30), ("random", 20))
        for count in (32, 8)
    ]


def test_epochs_come_from_the_encoders_name_and_the_runs_receipt(over_epochs):
    table = figure3a(over_epochs, EPOCHS, ENCODERS, "sample")
    line = table[(table["task"] == "depth") & (table["encoder"] == "croco_mimic-3m") & (table["frozen"] == "yes")]
    assert list(line["epoch"]) == [6, 12, 24]
    assert list(line["mean"]) == [45, 48, 50]
    assert set(line["dataset"]) == {"MIMIC-3M"} and set(line["std"]) == {0.5}
    other = row(table, task="segmentation", encoder="croco_mimic-1m", frozen="no")
    assert (other["epoch"], other["metric"], other["runs"], other["data"]) == (30, "miou", 3, "sample world")
    assert set(table[table["encoder"] == "random"]["epoch"]) == {""}
    assert list(table["task"].unique()) == ["depth", "segmentation"]


def test_the_last_epochs_encoder_is_the_runs_own(over_epochs, tmp_path):
    twin = result(tmp_path, "depth", "croco_mimic-3m@24", "frozen", 1.0)
    for files in ([*over_epochs, twin], [twin, *over_epochs]):
        table = figure3a(files, EPOCHS, ENCODERS, "sample")
        last = table[(table["task"] == "depth") & (table["frozen"] == "yes") & (table["epoch"] == 24)]
        assert list(last["mean"]) == [50]


def test_a_run_whose_epochs_are_not_known_is_refused_by_its_file(over_epochs):
    with pytest.raises(MimicError, match="number of epochs of croco_mimic-1m is unknown") as error:
        figure3a(over_epochs, {"croco_mimic-3m": 24}, ENCODERS, "sample")
    assert "croco_mimic-1m" in error.value.where


def test_few_shot_has_a_point_a_number_of_images_in_order(few_shot):
    table = figure3b(few_shot, ENCODERS, "sample")
    assert list(zip(table["encoder"], table["train_images"], table["mean"], strict=True)) == [
        ("random", 8, 28),
        ("random", 32, 52),
        ("croco_mimic-3m", 8, 38),
        ("croco_mimic-3m", 32, 62),
        ("croco_mv-habitat", 8, 48),
        ("croco_mv-habitat", 32, 72),
    ]
    assert set(table["runs"]) == {5} and set(table["std"]) == {1.5}
    assert table["note"].iloc[-1] == "released checkpoint (CC BY-NC-SA 4.0)"


def test_a_missing_encoder_is_in_the_data_without_a_number(few_shot):
    encoders = Encoders(RUNS, BASELINES, {"croco_released": "y.pth is not there"})
    last = figure3b(few_shot, encoders, "sample").iloc[-1]
    assert (last["encoder"], last["mean"], last["note"]) == ("croco_released", "", "not run: y.pth is not there")


def test_a_line_goes_through_its_points_with_bars_of_the_deviation(few_shot):
    table = figure3b(few_shot, ENCODERS, "sample")
    line = table[table["encoder"] == "croco_mimic-3m"]
    _, axes = plt.subplots()
    draw_line(axes, "b", line, colours_of(["croco_mimic-3m"])["croco_mimic-3m"])
    (container,) = axes.containers
    assert container.lines[0].get_xydata().tolist() == [[8, 38], [32, 62]]
    bars = container.lines[2][0].get_segments()
    assert [bar[:, 1].tolist() for bar in bars] == [[36.5, 39.5], [60.5, 63.5]]
    assert container.get_label() == "CroCo MIMIC-3M (croco_mimic-3m), frozen"
    plt.close("all")


def test_a_single_seed_has_no_bar(tmp_path):
    files = [
        result(tmp_path, "depth", "croco_mimic-3m", "frozen", 1.0 * count, None, seeds=[0], train_images=count)
        for count in (8, 16)
    ]
    table = figure3b(files, ENCODERS, "sample")
    _, axes = plt.subplots()
    draw_line(axes, "b", table, "red")
    assert not axes.containers[0].has_yerr
    plt.close("all")


@pytest.mark.parametrize("part", ["a", "b"])
def test_files_are_drawn_at_the_dpi_asked_for_with_a_panel_a_task(over_epochs, few_shot, tmp_path, part):
    missing = Encoders(RUNS, BASELINES, {"croco_released": "y.pth is not there"})
    tables = {"a": figure3a(over_epochs, EPOCHS, missing, "sample"), "b": figure3b(few_shot, missing, "sample")}
    widths = []
    for dpi in (40, 80):
        draw_figure3(part, tables[part], tmp_path / f"{dpi}.png", tmp_path / f"{dpi}.pdf", dpi)
        picture = matplotlib.image.imread(tmp_path / f"{dpi}.png")
        assert picture.std() > 0
        widths.append(picture.shape[1])
        assert (tmp_path / f"{dpi}.pdf").read_bytes().startswith(b"%PDF")
    assert widths[1] == 2 * widths[0]
    assert widths[0] == pytest.approx(40 * (1 + 3.6 * {"a": 2, "b": 1}[part]), abs=1)


def test_broken_and_unfit_results_are_named(few_shot, tmp_path):
    broken = result(tmp_path / "broken", "depth", "random", "frozen", 1.0, train_images=4, mean=...)
    with pytest.raises(MimicError, match="no key 'mean'") as error:
        figure3b([*few_shot, broken], ENCODERS, "sample")
    assert error.value.where == str(broken)
    constant = result(tmp_path, "depth", "constant", "constant", 1.0)
    with pytest.raises(MimicError) as error:
        figure3b([*few_shot, constant], ENCODERS, "sample")
    assert error.value.where == str(constant)


def test_without_results_the_config_key_is_named():
    with pytest.raises(MimicError) as error:
        figure3a([], EPOCHS, ENCODERS, "sample")
    assert "save_encoders_at" in error.value.remedy


@pytest.mark.parametrize("part", ["a", "b"])
def test_the_command_line_writes_the_data_beside_the_pictures(over_epochs, few_shot, tmp_path, part):
    files = over_epochs if part == "a" else few_shot
    receipts = [str(receipt(tmp_path, run, epochs=epochs)) for run, epochs in EPOCHS.items()]
    words = ["--part", part, "--metrics", *map(str, files), "--pretrain", *receipts, "--runs", json.dumps(RUNS)]
    words += ["--baselines", json.dumps(BASELINES), "--missing", "croco_released=y.pth is gone", "--scale", "sample"]
    words += ["--dpi", "40", "--csv", str(tmp_path / "o.csv"), "--png", str(tmp_path / "o.png")]
    script("figure3")([*words, "--pdf", str(tmp_path / "o.pdf")])
    assert len(pd.read_csv(tmp_path / "o.csv")) == len(files) + 1
    assert (tmp_path / "o.png").stat().st_size > 1000 and (tmp_path / "o.pdf").stat().st_size > 1000


def test_scaling_has_a_point_a_dataset_over_its_pairs(tmp_path):
    runs = RUNS | {"again": {"model": "croco", "dataset": "mimic-3m"}}
    files = [
        result(tmp_path, "depth", encoder, "frozen", value)
        for encoder, value in (("croco_mimic-1m", 40.0), ("croco_mimic-3m", 50.0), ("again", 54.0), ("random", 30.0))
    ]
    pairs = {"croco_mimic-1m": 1000, "croco_mimic-3m": 3000, "again": 3000}
    table = scaling(files, pairs, Encoders(runs, BASELINES), "sample")
    rows = table[table["model"] == "CroCo"]
    assert list(rows["pairs"]) == [1000, 3000]
    assert list(rows["mean"]) == [40, 52]
    assert list(rows["runs"]) == [3, 2]  # seeds of fine-tuning, and runs
    assert rows["std"].iloc[1] == pytest.approx(8**0.5, abs=1e-3)
    draw_figure3("scaling", table, tmp_path / "s.png", tmp_path / "s.pdf", 60)
    assert matplotlib.image.imread(tmp_path / "s.png").std() > 0.05
    with pytest.raises(MimicError, match="number of pairs of again is unknown"):
        scaling(files, dict.fromkeys(RUNS, 1), Encoders(runs, BASELINES), "sample")
