"""The report: the inputs of each table and figure, and the encoders that are missing from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mimic_core.config.wiring import datasets, finetune, pretrain, reconstruction
from mimic_core.report import FIGURES, Comparison, table
from mimic_core.sources import PAPER_DATASETS

Config = Mapping[str, Any]
RESULTS = {
    "finetune": finetune.results,
    "few_shot": finetune.few_shot_results,
    "reconstruction": reconstruction.results,
}


def named(config: Config, key: str) -> list[str]:
    """Return the names under a dotted config key: the items of a list, or the keys of a block."""
    block: Any = config
    for part in key.split("."):
        block = block[part]
    return list(block)


def asked_encoders(config: Config, shown: Comparison) -> list[str]:
    """Return the encoders that a table or figure should compare, available or not."""
    names = ["random"] if shown.random else []
    names += finetune.epoch_encoders(config) if shown.epochs else named(config, shown.encoders)
    return names + (list(config["baselines"]) if shown.baselines else [])


def missing_encoders(config: Config, shown: Comparison) -> list[str]:
    """Return the baselines of a table or figure whose file is missing, each as ``name=reason``."""
    asked = asked_encoders(config, shown)
    return [
        f"{name}=the file {baseline['path'] or '(no path given)'} is not there"
        for name, baseline in config["baselines"].items()
        if name in asked and not finetune.is_there(config, name)
    ]


def pretrain_receipts(config: Config, encoders: Iterable[str]) -> list[str]:
    """Return the receipts of the runs among the encoders, in the order of the config."""
    trained = {encoder.partition("@")[0] for encoder in encoders}
    return pretrain.receipts(run for run in config["pretrain"]["runs"] if run in trained)


def dataset_receipts(config: Config, encoders: Iterable[str]) -> list[str]:
    """Return the receipts of the datasets of these runs; a table notes when one has fewer pairs than wanted."""
    runs = config["pretrain"]["runs"]
    trained = {encoder.partition("@")[0] for encoder in encoders} & set(runs)
    return datasets.receipts(sorted({runs[run]["dataset"] for run in trained} & set(config["datasets"])))


def compared_files(config: Config, shown: Comparison) -> dict[str, list[str]]:
    """Return the results that a table or figure shows, and the receipts of the results, their runs and datasets."""
    encoders = [name for name in asked_encoders(config, shown) if finetune.is_there(config, name)]
    tasks = named(config, shown.tasks) if isinstance(shown.tasks, str) else shown.tasks
    constant = finetune.constant_results if shown.constant else lambda config, file: []
    return {
        name: RESULTS[shown.results](config, file, tasks, encoders) + constant(config, file)
        for name, file in (("metrics", "metrics.json"), ("receipts", "receipt.json"))
    } | {
        "pretrain": pretrain_receipts(config, encoders) if shown.pretraining else [],
        "datasets": dataset_receipts(config, encoders),
    }


def table_files(config: Config, number: str) -> dict[str, list[str]]:
    """Return the inputs of a table.

    Raises:
        MimicError: there is no table with this number.
    """
    return compared_files(config, table(number))


def table_missing(config: Config, number: str) -> list[str]:
    """Return the baselines that are missing from a table, as :func:`missing_encoders` does."""
    return missing_encoders(config, table(number))


def figure_files(config: Config, figure: str) -> dict[str, list[str]]:
    """Return the inputs of a figure in the registry."""
    return compared_files(config, FIGURES[figure])


def figure_missing(config: Config, figure: str) -> list[str]:
    """Return the baselines that are missing from a figure, as :func:`missing_encoders` does."""
    return missing_encoders(config, FIGURES[figure])


def drawn_datasets(config: Config) -> list[str]:
    """Return the datasets in figure 2: the paper's two and those that a run trains on, but no held-out ones."""
    trained = {run["dataset"] for run in config["pretrain"]["runs"].values()}
    return [name for name in config["datasets"] if name in PAPER_DATASETS or name in trained]
