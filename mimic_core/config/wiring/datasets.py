"""Datasets: the sources that each draws from, and the files of a source's shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mimic_core.datasets.composition import wanted_pairs

Config = Mapping[str, Any]


def composition(config: Config, dataset: str) -> dict[str, int | None]:
    """Return the number of pairs wanted from each source that a dataset draws from; None means all."""
    wanted = wanted_pairs(dataset, config["datasets"])
    return {source: count for source, count in wanted.items() if count != 0}


def used_sources(config: Config) -> list[str]:
    """Return the sources that any dataset draws from, sorted by name."""
    return sorted({source for dataset in config["datasets"] for source in composition(config, dataset)})


def shard_names(config: Config, source: str) -> list[str]:
    """Return the names of a source's shards: numbers of three digits or more."""
    return [f"{shard:03d}" for shard in range(config["sources"][source]["shards"])]


def shard_files(config: Config, stage: str, sources: Iterable[str], suffix: str) -> list[str]:
    """Return the files of a stage (``frames`` or ``pairs``) for every shard of the sources."""
    return [f"results/{stage}/{source}/{shard}.{suffix}" for source in sources for shard in shard_names(config, source)]


def every_shard(config: Config, stage: str, suffix: str) -> list[str]:
    """Return the files of a stage for every shard of every used source."""
    return shard_files(config, stage, used_sources(config), suffix)


def pair_files(config: Config, dataset: str, suffix: str) -> list[str]:
    """Return the files of mined pairs for every shard that a dataset draws from."""
    return shard_files(config, "pairs", composition(config, dataset), suffix)


def receipts(names: Iterable[str]) -> list[str]:
    """Return the receipts of datasets."""
    return [f"results/datasets/{name}/receipt.json" for name in names]


def training_files(config: Config, dataset: str) -> dict[str, str | list[str]]:
    """Return the inputs of a job that reads a dataset's pairs: manifest, receipt, and the tars that hold the pairs."""
    return {
        "manifest": f"results/datasets/{dataset}/manifest.parquet",
        "dataset_receipt": f"results/datasets/{dataset}/receipt.json",
        "tars": pair_files(config, dataset, "tar"),
    }
