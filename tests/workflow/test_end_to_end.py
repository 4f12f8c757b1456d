import json
import subprocess
import sys

import matplotlib.image
import pandas as pd
import pytest
from support import REPOSITORY
from workflow.running import snakemake

from mimic_core.datasets import PairDataset
from mimic_core.kit.files import file_hash
from mimic_core.models import load_pretrained

pytestmark = pytest.mark.integration


def test_the_table_has_a_number_for_all_that_was_run(finished):
    table = pd.read_csv(finished / "results/table1.csv", keep_default_na=False)
    ours = table[table["nyuv2_delta1"] != ""]
    assert sorted(zip(ours["model"], ours["frozen"], ours["dataset"], strict=True)) == sorted(
        [("constant prediction", "-", ""), ("random weights", "yes", ""), ("random weights", "no", "")]
        + [("CroCo", frozen, "MIMIC-3M") for frozen in ("yes", "no")]
    )
    assert set(ours["nyuv2_data"]) == set(ours["taskonomy_data"]) == {"sample world"}
    for name in [*ours["nyuv2_receipt"], *ours["taskonomy_receipt"]]:
        assert (finished / name).is_file(), name
    assert all(table[table["nyuv2_delta1"] == ""]["note"].str.startswith("not run: "))


def test_every_stage_leaves_a_receipt_whose_hashes_hold(finished):
    stages = set()
    results = finished / "results"
    for path in [*results.rglob("*receipt.json"), *(results / "sample" / "receipts").iterdir()]:
        receipt = json.loads(path.read_text())
        stages.add(receipt["stage"])
        for name, fingerprint in receipt["outputs"].items():
            assert fingerprint == "sha256:" + file_hash(finished / name), f"{path}: {name}"
    assert stages == {"sample", "frames", "pairs", "datasets", "pretrain", "finetune"}


def test_the_larger_dataset_contains_the_smaller(finished):
    small, large = (PairDataset(finished / f"results/datasets/mimic-{name}/manifest.parquet") for name in ("1m", "3m"))
    assert set(small.rows["key"]) <= set(large.rows["key"])
    for index in range(len(large)):
        view1, view2, _ = large[index]
        assert view1.shape == view2.shape == (224, 224, 3)


def test_candidates_add_up(finished):
    for path in (finished / "results/pairs").rglob("*.receipt.json"):
        counts = json.loads(path.read_text())["statistics"]
        candidates = pd.read_parquet(path.with_name(path.name.replace(".receipt.json", ".candidates.parquet")))
        assert len(candidates) == counts["seen"] == counts["kept"] + counts["rejected"] + counts["failed"]


def test_the_encoders_load(finished):
    for run in ("mae_mimic-3m", "croco_mimic-3m"):
        assert load_pretrained(finished / f"results/pretrain/{run}/encoder.safetensors").width == 24
        metrics = pd.read_csv(finished / f"results/pretrain/{run}/metrics.csv")
        assert metrics["loss"][1:].notna().all()  # row 0 is before any training


def test_figures_are_pictures(finished):
    for name in ("figures/figure2.png", "finetune/depth/random-frozen/predictions.png"):
        assert matplotlib.image.imread(finished / "results" / name).std() > 0


def test_a_second_run_has_nothing_to_do(finished):
    result = snakemake(finished, "all", "pretrain", "--dry-run")
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


def test_nothing_half_written_stays(finished):
    assert not list((finished / "results").rglob(".partial-*"))


def test_paper_scale_can_be_planned(tmp_path):
    result = snakemake(
        tmp_path, "results/table1.csv", "--dry-run", "--quiet", "rules", configfile=REPOSITORY / "configs/paper.yaml"
    )
    assert result.returncode == 0, result.stderr
    total = next(line for line in result.stdout.splitlines() if line.startswith("total"))
    assert 100 < int(total.split()[1]) < 2000


def test_a_full_disk_is_named_by_fine_tuning_and_tables(finished, tmp_path, small_disk):
    small_disk(tmp_path, "4k")
    other = tmp_path / "of-others"
    other.write_bytes(bytes(4096))
    results = finished / "results"
    constant = ["--task", "depth", "--data", str(results / "sample/nyuv2"), "--out", str(tmp_path)]
    constant += ["--settings", '{"image_size": 64, "seed": 0}']
    metrics = [str(path) for task in ("depth", "normals") for path in results.glob(f"finetune/{task}/*/metrics.json")]
    runs = {"croco_mimic-3m": {"model": "croco", "dataset": "mimic-3m"}}
    table = ["--number", "1", "--metrics", *metrics, "--runs", json.dumps(runs), "--scale", "sample"]
    table += ["--csv", str(tmp_path / "table.csv"), "--markdown", str(tmp_path / "table.md")]
    for script, arguments in (("constant_baseline", constant), ("table", table)):
        command = [sys.executable, str(REPOSITORY / "workflow_scripts" / f"{script}.py"), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 1, ended.stderr
        assert "error: the disk is full" in ended.stderr, ended.stderr
        assert list(tmp_path.iterdir()) == [other], "nothing half-written is left"
