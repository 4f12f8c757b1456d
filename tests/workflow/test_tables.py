"""Tables 2, 3, 4 and 7 and figure 3b, each task trained for real at a tiny scale."""

import json
import shutil

import pandas as pd
import pytest
from PIL import Image
from workflow.running import overlay, snakemake

pytestmark = pytest.mark.integration

TARGETS = [*(f"results/table{number}.csv" for number in (2, 3, 4, 7)), "results/figures/figure3b.png"]
MISSING = {"path": "no/such/file.pth", "model": "CroCo", "dataset": "MV-Habitat", "licence": "none"}


@pytest.fixture(scope="module")
def tables(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    shutil.copytree(finished, folder / "run")
    changed = overlay(
        folder,
        finetune={
            "encoders": ["croco_mimic-3m"],
            "modes": ["frozen"],
            "few_shot": {"encoders": ["random", "croco_mv-habitat"]},
        },
        report={"table3": ["croco_mimic-3m"]},
        baselines={"croco_mv-habitat": MISSING},
        reconstruction={"encoders": ["croco_mimic-3m", "mae_mimic-3m", "croco_mv-habitat"]},
    )
    result = snakemake(folder / "run", *TARGETS, configfile=changed)
    assert result.returncode == 0, result.stdout + result.stderr
    again = snakemake(folder / "run", *TARGETS, "--dry-run", configfile=changed)
    assert "Nothing to be done" in again.stdout
    return folder / "run" / "results"


def read(tables, number: int) -> pd.DataFrame:
    return pd.read_csv(tables / f"table{number}.csv", dtype=str, keep_default_na=False).set_index("encoder")


def test_every_task_is_measured_beside_the_papers_figures(tables):
    two, three = read(tables, 2), read(tables, 3)
    ours = two.loc["croco_mimic-3m"]
    filled = [name for name in two.columns if ours[name] and name.endswith("_paper")]
    assert len(filled) >= 4, "the paper's figures stand beside ours"
    assert three.loc["croco_mimic-3m"].ndim >= 1 and "random" in three.index
    assert "no/such/file.pth" in two.loc["croco_mv-habitat", "note"]


def test_error_estimates_hold_what_was_measured(tables):
    seven = read(tables, 7)
    assert {"depth", "normals", "segmentation", "pose", "classification"} <= set(seven["task"])
    for _, row in seven[seven["measured"] != ""].iterrows():
        low, high, mean = (float(row[name]) for name in ("min", "max", "mean"))
        assert low <= mean <= high


def test_all_models_painted_the_same_patches(tables):
    four = read(tables, 4)
    kept = [
        json.loads((tables / "reconstruction" / run / "metrics.json").read_text())
        for run in ("croco_mimic-3m", "mae_mimic-3m")
    ]
    assert kept[0]["masks"] == kept[1]["masks"] and kept[0]["pairs"] == kept[1]["pairs"] > 0
    assert float(four.loc["croco_mimic-3m", "loss"]) > 0
    assert four.loc["croco_mimic-3m", "fid"] == "" and "FID" in four.loc["croco_mimic-3m", "note"]
    assert "no/such/file.pth" in four.loc["croco_mv-habitat", "note"]


def test_openmmlabs_tasks_leave_a_config_and_pictures(tables):
    for task, mode in (("segmentation", "frozen"), ("pose", "whole")):
        folder = tables / "finetune" / task / f"croco_mimic-3m-{mode}"
        assert "custom_imports" in (folder / "config.py").read_text()
    for picture in tables.glob("finetune/*/croco_mimic-3m-*/predictions.png"):
        with Image.open(picture) as image:
            assert image.width > 300 and len(image.convert("RGB").getcolors(maxcolors=1 << 24)) > 50
    drawn = {path.parent.parent.name for path in tables.glob("finetune/*/croco_mimic-3m-*/predictions.png")}
    assert drawn == {"depth", "normals", "segmentation", "pose", "classification"}


def test_few_shot_is_drawn(tables):
    points = pd.read_csv(tables / "figures/figure3b.csv")
    assert sorted(points["train_images"].dropna()) == [2, 4]
    assert points["note"].str.contains("no/such/file.pth").any()
    with Image.open(tables / "figures/figure3b.png") as image:
        assert image.width > 200
