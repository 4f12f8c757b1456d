"""What fine-tuning takes: images x epochs x operations, over the speed of a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.models.settings import vit_settings
from mimic_core.plan import operations
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.jobs import Job
from mimic_core.plan.terms import Term

SAMPLE_IMAGES = {  # task -> key of the config's block ``sample``
    "depth": "depth_images",
    "normals": "normal_images",
    "segmentation": "segmentation_images",
    "pose": "pose_images",
    "classification": "class_images",
}
USUAL_SIZE = {"pose": (256, 192), "segmentation": 512}  # pixels, where the config gives none
CLASSES = 1000  # of ImageNet-1K
HEAD = {"feature": 256, "layer_dims": (96, 192, 384, 768)}  # DPT, where the config gives no size


def finetune_terms(job: Job, config: Mapping[str, Any], costs: Costs) -> tuple[str, list[Term]]:
    """What a job belongs to, and its terms."""
    task = job.wildcards.get("task") or task_of(job)
    if job.rule == "constant_baseline":
        seen = images(task, "train", config, costs) + images(task, "test", config, costs)
        return f"{task}, constant", [Term(seen, "images", costs["finetune.image"], origin(task, config, costs))]
    if job.rule == "test_hashes":
        seen = images(task, "test", config, costs)
        return task, [Term(seen, "images", costs["finetune.image"], origin(task, config, costs))]
    settings = config["finetune"]["tasks"][task]
    mode = job.wildcards.get("mode", "frozen")
    trained = images(task, "train", config, costs)
    if job.rule == "few_shot_run":
        trained = float(job.wildcards["images"])
        seeds, item = int(config["finetune"]["few_shot"]["draws"]), f"{task}, few-shot"
    else:
        seeds, item = len(settings.get("seeds", config["finetune"]["seeds"])), f"{task}, {mode}"
    epochs = settings.get("epochs")
    epochs = costs.value(f"epochs.{task}") if epochs is None else float(epochs)
    forward, head = operations_of(task, config, settings)
    augment = bool(settings.get("augment", task in ("segmentation", "pose", "classification")))
    training = per_image(forward, head, mode, epochs, augment) * trained
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
    """Task of a job whose wildcards do not name it: the folder of its results."""
    return job.benchmark.rpartition("/")[2].partition("-")[0]


def per_image(forward: float, head: float, mode: str, epochs: float, augment: bool) -> float:
    """Operations on one training image over all epochs.

    A frozen encoder goes forward only: once an epoch where images are augmented, else once.
    """
    both = 1 + operations.BACKWARD
    if mode == "whole":
        return epochs * both * (forward + head)
    return (epochs if augment else 1) * forward + epochs * both * head


def operations_of(task: str, config: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[float, float]:
    """Operations of the encoder and of the head on one image, forward."""
    block = config["pretrain"]["encoder"]
    side = int(block.get("patch_size", 16))
    size = vit_settings({**block, "image_size": side}, "pretrain.encoder")  # its own grid is not used
    given = settings.get("image_size") or USUAL_SIZE.get(task, config["pretrain"]["image_size"])
    rows, columns = given if isinstance(given, list | tuple) else (given, given)
    patches = (int(rows) // side) * (int(columns) // side)
    encoder = operations.encoder(size, patches=patches)
    head = settings.get("head") or {}
    if task == "pose":
        return encoder, operations.pose_head(patches, size.width)
    if task == "classification":
        return encoder, 2.0 * CLASSES * size.width
    if task == "segmentation":
        return encoder, operations.convnext_head(patches**0.5, size.width, head)
    dims, feature = head.get("layer_dims", HEAD["layer_dims"]), head.get("feature", HEAD["feature"])
    return encoder, operations.dpt_head(patches**0.5, size.width, dims, feature)


def images(task: str, split: str, config: Mapping[str, Any], costs: Costs) -> float:
    """Images of a split."""
    if config["finetune"]["tasks"][task]["origin"] == "sample":
        return float(config["sample"][SAMPLE_IMAGES[task]][split])
    return costs.value(f"images.{task}.{split}")


def origin(task: str, config: Mapping[str, Any], costs: Costs) -> str:
    """Where the number of images comes from."""
    sample = config["finetune"]["tasks"][task]["origin"] == "sample"
    return "config, sample" if sample else costs[f"images.{task}.train"].label
