"""Pretraining: the settings of a run, what it reads, and what it asks of the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.config.checking import read_schema
from mimic_core.config.wiring import datasets
from mimic_core.config.wiring.params import as_json
from mimic_core.config.wiring.requests import SNAKEMAKES, gpus
from mimic_core.kit.schemas import NOTHING, keys_that_rerun

Config = Mapping[str, Any]

CHECKOUT = Path(__file__).resolve().parents[3]


def handled() -> set[str]:
    """Settings that change how a run is handled and not what comes out of it."""
    return keys_that_rerun(read_schema(CHECKOUT)["properties"]["pretrain"], NOTHING)


def run_settings(config: Config, run: str) -> dict[str, Any]:
    """Settings of a run: the shared ones, with what the run overrides."""
    shared = {key: value for key, value in config["pretrain"].items() if key != "runs"}
    return {**shared, **config["pretrain"]["runs"][run]}


def deciding_settings(config: Config, run: str) -> dict[str, Any]:
    """Settings that decide what comes out, beside the seed: an edit of one makes the run anew."""
    others = handled() | {"seed", "epoch_of"}
    return {key: value for key, value in run_settings(config, run).items() if key not in others}


def seed(config: Config, run: str) -> int:
    """Seed of a run: its own, else the config's."""
    return int({"seed": config["seed"], **run_settings(config, run)}["seed"])


def handling(config: Config) -> str:
    """Settings of every run's handling that its command line takes, by run, as JSON."""
    passed = handled() - {"nodes", "processes", "allow_changed"}
    return as_json(
        {
            run: {key: value for key, value in run_settings(config, run).items() if key in passed}
            for run in config["pretrain"]["runs"]
        }
    )


def allowed_changes(config: Config) -> list[str]:
    """Keys in which an unfinished run's checkpoint may differ from the config."""
    return list(config["pretrain"].get("allow_changed", []))


def processes(config: Config, run: str) -> int:
    """Processes of a run on each of its nodes."""
    return int(run_settings(config, run)["processes"])


def nodes(config: Config, run: str) -> int:
    """Nodes that a run shares its work over."""
    return int(run_settings(config, run)["nodes"])


def gpus_per_node(config: Config, run: str) -> int:
    """GPUs of a run on each of its nodes."""
    return processes(config, run) * gpus(config)


def gpus_of_all_nodes(config: Config, run: str) -> int:
    """GPUs of a run over all its nodes."""
    return nodes(config, run) * gpus_per_node(config, run)


def slurm_extra(config: Config, run: str) -> str:
    """Options of SLURM's that no resource of Snakemake's stands for."""
    return f"--gpus-per-node={gpus_per_node(config, run)}" if gpus(config) else ""


def threads(config: Config, run: str) -> int:
    """Threads of a run on each of its nodes."""
    return int(run_settings(config, run)["threads"]) * processes(config, run)


def memory(config: Config, run: str, attempt: int) -> int:
    """MB of a run on each of its nodes: of a process, its model, what CUDA holds, and its held images."""
    own = (6000 if gpus(config) else 3000) + run_settings(config, run)["cache_mib"]
    return int(attempt * processes(config, run) * own + SNAKEMAKES)


def runs_on_nodes(config: Config) -> str:
    """A regular expression of the runs that share their work over several nodes; without one it matches nothing."""
    found = [run for run in config["pretrain"]["runs"] if nodes(config, run) > 1]
    return "|".join(map(re.escape, found)) or "(?!)"


def files(config: Config, run: str) -> dict[str, str | list[str]]:
    """What a run reads: its dataset, and the receipt of the dataset whose pairs are an epoch."""
    settings = run_settings(config, run)
    return {
        "epoch_of": datasets.receipts([settings["epoch_of"]]) if "epoch_of" in settings else [],
        **datasets.training_files(config, settings["dataset"]),
    }


def receipts(runs: Any) -> list[str]:
    """Receipts of runs."""
    return [f"results/pretrain/{run}/receipt.json" for run in runs]
