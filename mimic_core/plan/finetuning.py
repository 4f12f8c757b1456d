"""Estimate fine-tuning: images x epochs x operations, divided by the speed of a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.finetune import RANDOM, JobSettings, get_task, job_settings
from mimic_core.models import vit_settings
from mimic_core.plan import operations
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.jobs import Job
from mimic_core.plan.terms import Term

SHARED = ("seeds", "precision", "threads")  # keys shared by all tasks, which a task may override
PLACE = ("origin", "root", "modes")  # keys of a task that its jobs do not read


def finetune_terms(job: Job, config: Mapping[str, Any], costs: Costs) -> tuple[str, list[Term]]:
    """Return the item that a job belongs to, and the terms of its estimate."""
    task = job.wildcards.get("task") or task_of(job)
    if job.rule == "constant_baseline":
        seen = images(task, "train", config, costs) + images(task, "test", config, costs)
        return f"{task}, constant", [Term(seen, "images", costs["finetune.image"], origin(task, config, costs))]
    if job.rule == "test_hashes":
        seen = images(task, "test", config, costs)
        return task, [Term(seen, "images", costs["finetune.image"], origin(task, config, costs))]
    settings = task_settings(task, config)
    mode = job.wildcards.get("mode", "frozen")
    trained = images(task, "train", config, costs)
    if job.rule == "few_shot_run":
        trained = float(job.wildcards["images"])
        seeds, item = int(config["finetune"]["few_shot"]["draws"]), f"{task}, few-shot"
    else:
        seeds, item = len(settings.seeds), f"{task}, {mode}"
    given = config["finetune"]["tasks"][task].get("epochs")
    epochs = costs.value(f"epochs.{task}") if given is None else float(given)
    forward, head = operations_of(task, config, settings)
    training = per_image(forward, head, mode, epochs, settings.augment) * trained
    test = images(task, "test", config, costs) * (forward + head)
    speed = costs["finetune.gpu" if job.gpus else "finetune.cpu"]
    workers = job.gpus or job.cores
    cost = Cost(speed.name, 1e12 / (speed.value * workers), "s a TFLOP", speed.basis, speed.source)
    shown = f"{seeds} x ({trained:,.0f} images x {epochs:g} epochs + test), {origin(task, config, costs)}"
    return item, [
        Term(seeds * (training + test) / 1e12, "TFLOP", cost, shown),
        Term(trained + images(task, "test", config, costs), "images", costs["finetune.image"]),
    ]


def task_of(job: Job) -> str:
    """Return the task of a job whose wildcards do not name it, from the name of its benchmark file."""
    return job.benchmark.rpartition("/")[2].partition("-")[0]


def per_image(forward: float, head: float, mode: str, epochs: float, augment: bool) -> float:
    """Count the operations on one training image over all epochs.

    A frozen encoder runs only the forward pass: every epoch if images are augmented, else once.
    """
    both = 1 + operations.BACKWARD
    if mode == "whole":
        return epochs * both * (forward + head)
    return (epochs if augment else 1) * forward + epochs * both * head


def task_settings(task: str, config: Mapping[str, Any]) -> JobSettings:
    """Read the settings of a task's jobs that do not depend on encoder and mode."""
    shared = {key: config["finetune"][key] for key in SHARED}
    own = {key: value for key, value in config["finetune"]["tasks"][task].items() if key not in PLACE}
    return job_settings({**shared, **own, "task": task, "mode": "frozen", "encoder": RANDOM})


def operations_of(task: str, config: Mapping[str, Any], settings: JobSettings) -> tuple[float, float]:
    """Count the forward operations of the encoder and of the head on one image."""
    block = config["pretrain"]["encoder"]
    side = int(block.get("patch_size", 16))
    size = vit_settings({**block, "image_size": side}, "pretrain.encoder")  # its grid is not used
    rows, columns = settings.size
    patches = (rows // side) * (columns // side)
    head = get_task(task).head_operations(settings, patches, size.width)
    return operations.encoder(size, patches=patches), head


def images(task: str, split: str, config: Mapping[str, Any], costs: Costs) -> float:
    """Return the number of images of a split."""
    if config["finetune"]["tasks"][task]["origin"] == "sample":
        return float(config["sample"][get_task(task).sample_images][split])
    return costs.value(f"images.{task}.{split}")


def origin(task: str, config: Mapping[str, Any], costs: Costs) -> str:
    """Return where the number of images comes from."""
    sample = config["finetune"]["tasks"][task]["origin"] == "sample"
    return "config, sample" if sample else costs[f"images.{task}.train"].label
