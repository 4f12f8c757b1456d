"""Fine-tuning: the files of encoders, the settings of a job, and the results that a config asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mimic_core.config.wiring import pretrain, sample
from mimic_core.config.wiring.params import as_json
from mimic_core.config.wiring.tasks import TASKS

Config = Mapping[str, Any]
RANDOM = "random"  # the encoder with random weights
OWN_KEYS = ("origin", "root", "modes")  # keys of a task's block that are not passed to its jobs
DEFINE_IMAGES = ("image_size", "protocol", "splits", "limits")


def is_there(config: Config, encoder: str) -> bool:
    """Return whether an encoder is available: a baseline only if its file exists, any other always."""
    path = config["baselines"][encoder]["path"] if encoder in config["baselines"] else None
    return path is None or (bool(path) and Path(path).is_file())


def encoder_path(config: Config, encoder: str) -> str:
    """Return the file of an encoder: a baseline, a run's last, or one epoch's (``run@epoch``); ``random`` as is."""
    if encoder == RANDOM:
        return RANDOM
    if encoder in config["baselines"]:
        return str(config["baselines"][encoder]["path"])
    run, _, epoch = encoder.partition("@")
    name = f"encoder-epoch-{int(epoch):04d}" if epoch else "encoder"
    return f"results/pretrain/{run}/{name}.safetensors"


def encoder_files(config: Config, encoder: str) -> dict[str, str]:
    """Return the encoder's file and its run's receipt; for one epoch's only the receipt, for random weights neither."""
    if encoder == RANDOM:
        return {}
    if encoder in config["baselines"]:
        return {"encoder": encoder_path(config, encoder)}
    run, _, epoch = encoder.partition("@")
    receipt = {"encoder_receipt": f"results/pretrain/{run}/receipt.json"}
    return receipt if epoch else {"encoder": encoder_path(config, run), **receipt}


def epoch_encoders(config: Config) -> list[str]:
    """Return the encoders of the runs that save single epochs: these (``run@epoch``) and each run's last."""
    kept = {run: pretrain.run_settings(config, run)["save_encoders_at"] for run in config["pretrain"]["runs"]}
    return [name for run, epochs in kept.items() if epochs for name in (*(f"{run}@{epoch}" for epoch in epochs), run)]


def root(config: Config, task: str) -> str:
    """Return the folder of a task's dataset."""
    return str(config["finetune"]["tasks"][task]["root"])


def data_files(config: Config, task: str) -> list[str]:
    """Return the receipt of a task's data if the sample world generates it."""
    return sample.task_files(task) if config["finetune"]["tasks"][task]["origin"] == "sample" else []


def modes(config: Config, task: str) -> list[str]:
    """Return the modes of a task: its own, else the shared ones."""
    return list(config["finetune"]["tasks"][task].get("modes", config["finetune"]["modes"]))


def settings(config: Config, task: str, encoder: str, mode: str, **more: Any) -> str:
    """Return the settings of one job as JSON: the task's, the shared ones, and the architecture of a random encoder.

    Args:
        more: settings that override the config's.
    """
    shared = {key: config["finetune"][key] for key in ("seeds", "precision", "threads")}
    own = {key: value for key, value in config["finetune"]["tasks"][task].items() if key not in OWN_KEYS}
    names = {"task": task, "mode": mode, "encoder": encoder}
    architecture = {**config["pretrain"]["encoder"], "image_size": config["pretrain"]["image_size"]}
    return as_json(shared, own, names, architecture=architecture if encoder == RANDOM else {}, **more)


def few_shot_settings(config: Config, task: str, encoder: str, images: int) -> str:
    """Return the settings of one few-shot job as JSON: a frozen encoder, and one seed per draw of training images."""
    draws = list(range(config["finetune"]["few_shot"]["draws"]))
    return settings(config, task, encoder, "frozen", seeds=draws, train_images=images)


def constant_settings(config: Config, task: str) -> str:
    """Return the settings of a constant baseline as JSON: those that choose and crop the images."""
    own = config["finetune"]["tasks"][task]
    return as_json({key: own[key] for key in DEFINE_IMAGES if key in own}, seed=config["seed"])


def constant_memory(config: Config, task: str) -> int:
    """Return the MB of a constant baseline, which holds all training data: 5,670 for 800 Taskonomy images at 384 px."""
    return 3000 if config["finetune"]["tasks"][task]["origin"] == "sample" else 7000


def results(config: Config, file: str, tasks: Iterable[str], encoders: Iterable[str]) -> list[str]:
    """Return a file of every result of these tasks and encoders, in the modes of each task in the config."""
    encoders = list(encoders)
    return [
        f"results/finetune/{task}/{encoder}-{mode}/{file}"
        for task in tasks
        if task in config["finetune"]["tasks"]
        for encoder in encoders
        for mode in modes(config, task)
    ]


def constant_results(config: Config, file: str) -> list[str]:
    """Return a file of every constant baseline."""
    found = [name for name, task in TASKS.items() if task.constant and name in config["finetune"]["tasks"]]
    return [f"results/finetune/{task}/constant/{file}" for task in found]


def every_result(config: Config, file: str) -> list[str]:
    """Return a file of every fine-tuning result, including available and constant baselines."""
    encoders = [*config["finetune"]["encoders"], *(name for name in config["baselines"] if is_there(config, name))]
    return results(config, file, config["finetune"]["tasks"], encoders) + constant_results(config, file)


def few_shot_results(config: Config, file: str, tasks: Iterable[str], encoders: Iterable[str]) -> list[str]:
    """Return a file of every few-shot result of these tasks and encoders, for every number of training images."""
    encoders = list(encoders)
    return [
        f"results/few_shot/{task}/{encoder}-{images}/{file}"
        for task in tasks
        for encoder in encoders
        for images in config["finetune"]["few_shot"]["train_images"]
    ]
