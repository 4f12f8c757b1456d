"""Reconstruction: the whole models that paint held-out pairs, and what a job reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mimic_core.config.wiring import datasets
from mimic_core.config.wiring.finetune import encoder_path
from mimic_core.config.wiring.params import as_json

Config = Mapping[str, Any]
READS = ("dataset", "mask_ratio", "inception", "frechet_encoder")  # keys of the block that a job gets


def inception_file(config: Config) -> dict[str, str]:
    """The file of Inception's weights, once it is there: the table is made again when it comes, goes or changes."""
    inception = config["reconstruction"].get("inception")
    return {"inception": inception} if inception and Path(inception).is_file() else {}


def model_files(config: Config, encoder: str) -> dict[str, str]:
    """The whole model, and the receipt of the run that left it."""
    if encoder in config["baselines"]:
        return {"model": config["baselines"][encoder]["path"]}
    run = f"results/pretrain/{encoder}"
    return {"model": f"{run}/model.safetensors", "model_receipt": f"{run}/receipt.json"}


def files(config: Config, encoder: str) -> dict[str, str | list[str]]:
    """The whole model, the held-out pairs, and the weights of both distances between sets of images."""
    frechet = config["reconstruction"]["frechet_encoder"]
    return {
        **model_files(config, encoder),
        **datasets.training_files(config, config["reconstruction"]["dataset"]),
        **({"frechet": encoder_path(config, frechet)} if frechet else {}),
        **inception_file(config),
    }


def settings(config: Config, encoder: str) -> str:
    """Settings of one job as JSON."""
    chosen = {key: config["reconstruction"][key] for key in READS}
    return as_json(chosen, encoder=encoder, threads=config["finetune"]["threads"])


def results(config: Config, file: str, tasks: Iterable[str], encoders: Iterable[str]) -> list[str]:
    """A file of every model's result; there are no tasks."""
    return [f"results/reconstruction/{encoder}/{file}" for encoder in encoders]
