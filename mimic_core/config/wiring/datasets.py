"""Datasets: which sources each draws from, and the files of a source's shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mimic_core.datasets.composition import wanted_pairs

Config = Mapping[str, Any]


def composition(config: Config, dataset: str) -> dict[str, int | None]:
    """Pairs wanted of each source that a dataset draws from; None stands for all."""
    wanted = wanted_pairs(dataset, config["datasets"])
    return {source: count for source, count in wanted.items() if count != 0}


def used_sources(config: Config) -> list[str]:
    """Sources that some dataset draws from, in the order of their names."""
    return sorted({source for dataset in config["datasets"] for source in composition(config, dataset)})


def shard_names(config: Config, source: str) -> list[str]:
    """Numbers of a source's shards, three digits or more."""
    return [f"{shard:03d}" for shard in range(config["sources"][source]["shards"])]


def shard_files(config: Config, stage: str, sources: Iterable[str], suffix: str) -> list[str]:
    """Files of a stage (``frames`` or ``pairs``) for every shard of the sources."""
    return [f"results/{stage}/{source}/{shard}.{suffix}" for source in sources for shard in shard_names(config, source)]


def every_shard(config: Config, stage: str, suffix: str) -> list[str]:
    """Files of a stage for every shard of every source that is used."""
    return shard_files(config, stage, used_sources(config), suffix)


def pair_files(config: Config, dataset: str, suffix: str) -> list[str]:
    """Files of mined pairs for every shard that a dataset draws from."""
    return shard_files(config, "pairs", composition(config, dataset), suffix)


def receipts(names: Iterable[str]) -> list[str]:
    """Receipts of datasets."""
    return [f"results/datasets/{name}/receipt.json" for name in names]


def training_files(config: Config, dataset: str) -> dict[str, str | list[str]]:
    """What a job that reads a dataset's pairs needs: manifest, receipt, and the tars that its rows point into."""
    return {
        "manifest": f"results/datasets/{dataset}/manifest.parquet",
        "dataset_receipt": f"results/datasets/{dataset}/receipt.json",
        "tars": pair_files(config, dataset, "tar"),
    }
