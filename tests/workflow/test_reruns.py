"""Editing one key of the config reruns what it touches and nothing else."""

import shutil
from pathlib import Path

import pytest
from workflow.running import TINY, overlay, planned, snakemake, snakemake_in

pytestmark = pytest.mark.integration

MINING = {"frames_shard", "pairs_shard", "assemble"}
LEARNING = {"pretrain_run", "finetune_run", "table"}

EDITS = [
    pytest.param({"report": {"dpi": 61}}, {"figure2": 1}, id="a figure's dpi"),
    pytest.param(
        {"finetune": {"tasks": {"depth": {"weight_decay": 0.5}}}},
        {"finetune_run": 4, "table": 1},
        id="one task's weight decay",
    ),
    pytest.param({"finetune": {"seeds": [0, 2]}}, {"finetune_run": 8, "table": 1}, id="seeds of fine-tuning"),
    pytest.param(
        {"pretrain": {"runs": {"croco_mimic-3m": {"mask_ratio": 0.5}}}},
        {"pretrain_run": 1, "finetune_run": 4, "table": 1},
        id="one run's mask ratio",
    ),
    pytest.param(
        {"pretrain": {"runs": {"croco_mimic-3m": {"seed": 1}}}},
        {"pretrain_run": 1, "finetune_run": 4, "table": 1},
        id="one run's seed",
    ),
    pytest.param(
        {"pretrain": {"base_lr": 1e-3}},
        {"pretrain_run": 3, "finetune_run": 4, "table": 1},
        id="every run's learning rate",
    ),
    pytest.param({"pretrain": {"allow_changed": ["settings.base_lr"]}}, {}, id="what an unfinished run may change"),
    pytest.param(
        {
            "pretrain": {
                "checkpoint_minutes": 7,
                "keep_checkpoints": 3,
                "cache_mib": 64,
                "pictures_every": 1,
                "threads": 2,
                "processes": 2,
                "nodes": 3,
            }
        },
        {},
        id="how pretraining is handled",
    ),
    pytest.param(
        {"datasets": {"mimic-3m": {"pairs": {"hm3d": 2}}}},
        {"assemble": 1, "pretrain_run": 2, "finetune_run": 4, "table": 1, "figure2": 1},
        id="one dataset's composition",
    ),
    pytest.param(
        {"pairs": {"ratio": 0.75}},
        {"pairs_shard": 12, "assemble": 3, "pretrain_run": 3, "finetune_run": 4, "table": 1, "figure2": 1},
        id="the matching ratio",
    ),
    pytest.param(
        {"sources": {"arkitscenes": {"frames": {"interval": 0.7}}}},
        {
            "frames_shard": 1,
            "pairs_shard": 1,
            "assemble": 1,
            "pretrain_run": 2,
            "finetune_run": 4,
            "table": 1,
            "figure2": 1,
        },
        id="one source's interval",
    ),
]


@pytest.mark.parametrize(("edit", "expected"), EDITS)
def test_an_edit_reruns_what_it_touches(finished, tmp_path, edit, expected):
    result = snakemake(finished, "all", "pretrain", "--dry-run", configfile=overlay(tmp_path, **edit))
    assert result.returncode == 0, result.stderr
    jobs = planned(result.stdout)
    for target in ("all", "pretrain"):
        jobs.pop(target, None)
    assert jobs == expected


def test_neither_a_moved_checkout_nor_an_edited_script_reruns_anything(finished, checkout):
    for script in (checkout / "workflow_scripts").glob("*.py"):
        script.write_text(script.read_text() + "\n# edited\n")
    words = ["--snakefile", str(checkout / "Snakefile"), "--directory", str(finished)]
    words += ["--cores", "1", "--dry-run", "all", "pretrain", "--configfile", str(TINY)]
    ended = snakemake_in(checkout, *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert planned(ended.stdout) == {}


def test_a_rerun_after_an_edit_ends_as_a_run_from_nothing(finished, tmp_path):
    """Files of the old config, checkpoints among them, neither stop the new run nor leak into it."""
    changed = overlay(tmp_path, pretrain={"base_lr": 1e-3})
    edited, fresh = tmp_path / "edited", tmp_path / "fresh"
    shutil.copytree(finished, edited)
    shutil.copytree(finished, fresh)  # with what is mined, which the edit does not touch
    for stage in ("pretrain", "checkpoints", "finetune"):
        shutil.rmtree(fresh / "results" / stage)
    encoder = Path("results/pretrain/croco_mimic-1m/encoder.safetensors")
    assert list((edited / "results/checkpoints/croco_mimic-1m").iterdir())
    for folder in (edited, fresh):
        result = snakemake(folder, str(encoder), configfile=changed)
        assert result.returncode == 0, result.stdout + result.stderr
    assert (edited / encoder).read_bytes() == (fresh / encoder).read_bytes()
    assert (edited / encoder).read_bytes() != (finished / encoder).read_bytes()
