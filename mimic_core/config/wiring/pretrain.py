"""Pretraining: the settings, inputs and resources of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.config.checking import read_schema
from mimic_core.config.wiring import datasets
from mimic_core.config.wiring.params import as_json
from mimic_core.config.wiring.requests import SNAKEMAKE_MB, gpus
from mimic_core.kit.schemas import NOTHING, keys_that_rerun
from mimic_core.objectives import unused_keys

Config = Mapping[str, Any]

CHECKOUT = Path(__file__).resolve().parents[3]


def handling_keys() -> set[str]:
    """Return the settings that change how a run is executed but not its result."""
    return keys_that_rerun(read_schema(CHECKOUT)["properties"]["pretrain"], NOTHING)


def run_settings(config: Config, run: str) -> dict[str, Any]:
    """Return the settings of a run: the shared ones, with the run's overrides."""
    shared = {key: value for key, value in config["pretrain"].items() if key != "runs"}
    return {**shared, **config["pretrain"]["runs"][run]}


def deciding_settings(config: Config, run: str) -> dict[str, Any]:
    """Return the settings, except the seed, that decide the result: when one is edited, the run starts over."""
    settings = run_settings(config, run)
    others = handling_keys() | {"seed", "epoch_of", *unused_keys(settings["model"])}
    return {key: value for key, value in settings.items() if key not in others}


def seed(config: Config, run: str) -> int:
    """Return the seed of a run: its own, else the config's."""
    return int({"seed": config["seed"], **run_settings(config, run)}["seed"])


def handling(config: Config) -> str:
    """Return, as JSON by run, the settings on the command line that do not change results."""
    passed = handling_keys() - {"nodes", "processes", "allow_changed"}
    return as_json(
        {
            run: {key: value for key, value in run_settings(config, run).items() if key in passed}
            for run in config["pretrain"]["runs"]
        }
    )


def allowed_changes(config: Config) -> list[str]:
    """Return the keys in which an unfinished run's checkpoint may differ from the config."""
    return list(config["pretrain"].get("allow_changed", []))


def processes(config: Config, run: str) -> int:
    """Return the processes of a run per node."""
    return int(run_settings(config, run)["processes"])


def nodes(config: Config, run: str) -> int:
    """Return the number of nodes of a run."""
    return int(run_settings(config, run)["nodes"])


def gpus_per_node(config: Config, run: str) -> int:
    """Return the GPUs of a run per node."""
    return processes(config, run) * gpus(config)


def gpus_of_all_nodes(config: Config, run: str) -> int:
    """Return the GPUs of a run over all its nodes."""
    return nodes(config, run) * gpus_per_node(config, run)


def slurm_extra(config: Config, run: str) -> str:
    """Return the SLURM options for which Snakemake has no resource."""
    return f"--gpus-per-node={gpus_per_node(config, run)}" if gpus(config) else ""


def threads(config: Config, run: str) -> int:
    """Return the threads of a run per node."""
    return int(run_settings(config, run)["threads"]) * processes(config, run)


def memory(config: Config, run: str, attempt: int) -> int:
    """Return the MB of a run per node: for each process its model, CUDA's memory and its image cache."""
    own = (6000 if gpus(config) else 3000) + run_settings(config, run)["cache_mib"]
    return int(attempt * processes(config, run) * own + SNAKEMAKE_MB)


def runs_on_nodes(config: Config) -> str:
    """Return a regular expression that matches the runs on several nodes; without any, it matches nothing."""
    found = [run for run in config["pretrain"]["runs"] if nodes(config, run) > 1]
    return "|".join(map(re.escape, found)) or "(?!)"


def files(config: Config, run: str) -> dict[str, str | list[str]]:
    """Return the inputs of a run: its dataset, and the receipt of the dataset ``epoch_of``."""
    settings = run_settings(config, run)
    return {
        "epoch_of": datasets.receipts([settings["epoch_of"]]) if "epoch_of" in settings else [],
        **datasets.training_files(config, settings["dataset"]),
    }


def receipts(runs: Any) -> list[str]:
    """Return the receipts of runs."""
    return [f"results/pretrain/{run}/receipt.json" for run in runs]
