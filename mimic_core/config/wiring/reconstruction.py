"""Reconstruction: the settings and inputs of jobs in which whole models reconstruct held-out pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mimic_core.config.wiring import datasets
from mimic_core.config.wiring.finetune import encoder_path
from mimic_core.config.wiring.params import as_json

Config = Mapping[str, Any]
READS = ("dataset", "mask_ratio", "inception", "frechet_encoder")  # keys of the block that are passed to a job


def inception_file(config: Config) -> dict[str, str]:
    """Return the file of Inception's weights if it exists; the table is remade if it appears, vanishes or changes."""
    inception = config["reconstruction"].get("inception")
    return {"inception": inception} if inception and Path(inception).is_file() else {}


def model_files(config: Config, encoder: str) -> dict[str, str]:
    """Return the file of the whole model, and the receipt of its run."""
    if encoder in config["baselines"]:
        return {"model": config["baselines"][encoder]["path"]}
    run = f"results/pretrain/{encoder}"
    return {"model": f"{run}/model.safetensors", "model_receipt": f"{run}/receipt.json"}


def files(config: Config, encoder: str) -> dict[str, str | list[str]]:
    """Return a job's inputs: the whole model, the held-out pairs, and the weights for both Fréchet distances."""
    frechet = config["reconstruction"]["frechet_encoder"]
    return {
        **model_files(config, encoder),
        **datasets.training_files(config, config["reconstruction"]["dataset"]),
        **({"frechet": encoder_path(config, frechet)} if frechet else {}),
        **inception_file(config),
    }


def settings(config: Config, encoder: str) -> str:
    """Return the settings of one job as JSON."""
    chosen = {key: config["reconstruction"][key] for key in READS}
    return as_json(chosen, encoder=encoder, threads=config["finetune"]["threads"])


def results(config: Config, file: str, tasks: Iterable[str], encoders: Iterable[str]) -> list[str]:
    """Return a file of every model's result; ``tasks`` is ignored, since reconstruction has none."""
    return [f"results/reconstruction/{encoder}/{file}" for encoder in encoders]
