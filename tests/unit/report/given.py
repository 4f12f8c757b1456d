"""Results and receipts as the jobs before the report leave them, with numbers from the test."""

import importlib.util
import json
from pathlib import Path

import pandas as pd

from mimic_core.report import Encoders, TableInputs

SCRIPTS = Path(__file__).parents[3] / "workflow_scripts"
METRIC = {"depth": "delta1", "normals": "l1", "segmentation": "miou", "pose": "ap", "classification": "top1"}
RUNS = {
    "mae_mimic-3m": {"model": "mae", "dataset": "mimic-3m"},
    "croco_mimic-3m": {"model": "croco", "dataset": "mimic-3m"},
}
BASELINES = {
    "croco_mv-habitat": {"model": "CroCo", "dataset": "MV-Habitat", "path": "x.pth", "licence": "CC BY-NC-SA 4.0"},
    "croco_released": {"model": "CroCo", "dataset": "MIMIC-3M", "path": "y.pth", "licence": "ask"},
}


def result(folder, task, encoder, mode, mean, std=0.5, /, *, seeds=(0, 1, 2), train_images=60, **changes):
    """Write a ``metrics.json``; ``mean`` is the reported metric's, or a mean a metric."""
    means = mean if isinstance(mean, dict) else {METRIC[task]: mean}
    estimate = {"min": 1.0, "max": 9.0, "mean": 5.0, "std": 2.0}
    content = {
        "task": task,
        "encoder": encoder,
        "mode": mode,
        "metric": METRIC[task],
        "data": "sample world",
        "seeds": list(seeds),
        "train_images": train_images,
        "test_images": 20,
        "mean": means,
        "std": dict.fromkeys(means, std),
        "bootstrap": dict.fromkeys(means, estimate),
        "runs": [{"seed": seed, "metrics": means} for seed in seeds],
    }
    path = folder / task / f"{encoder}-{mode}-{train_images}" / "metrics.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({key: value for key, value in (content | changes).items() if value is not ...}))
    return path


def receipt(folder, run, **changes):
    """Write the receipt of a pretraining run."""
    statistics = {
        "training_pairs": 700,
        "iterations": 440,
        "epochs": 24,
        "first_loss": 1.2,
        "last_loss": 0.8,
        "val_loss_first": 1.1,
        "val_loss": 0.85,
        "val_loss_shuffled": 0.9,
        "cross_view_gain": 0.05,
    }
    path = folder / run / "receipt.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"statistics": statistics | changes}))
    return path


def row(table: pd.DataFrame, **wanted: str) -> dict:
    """The one row with these values."""
    found = table
    for column, value in wanted.items():
        found = found[found[column] == value]
    assert len(found) == 1, found
    return found.iloc[0].to_dict()


def script(name: str):
    """The ``main`` of a command line."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def compared(metrics, pretrain, runs, scale, baselines=None, missing=None, short=None):
    """What a table compares."""
    return TableInputs(metrics, Encoders(runs, baselines or {}, missing or {}, short or {}), scale, pretrain)
