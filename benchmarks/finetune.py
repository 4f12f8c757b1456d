"""Measure whether the device waits for images when it fine-tunes depth at the paper's settings.

    python benchmarks/finetune.py

The settings are ViT-B/16, DPT, 256 px, random crops and colour jitter, on random images and in the real training loop.
A thread augments the next batch during a training step. The benchmark prints the time to augment a batch on one thread,
the time of a step (forward, backward, optimizer), and the share of time that the loop waited for a batch. If the loop
itself augmented the images, the device would wait for all of the augmentation.
"""

from __future__ import annotations

import argparse
import platform
import time

import numpy as np
import torch
import yaml

from mimic_core.finetune.data import Samples
from mimic_core.finetune.data.dense import TrainingImages, select
from mimic_core.finetune.loop import DenseTrainer
from mimic_core.finetune.model import DenseModel, Scale, build_head
from mimic_core.finetune.settings import DenseSettings
from mimic_core.finetune.tasks import get_dense_task
from mimic_core.machine.devices import device, uses_bfloat16
from mimic_core.models import build_encoder
from mimic_core.models.linear import speed_up_linear_layers
from mimic_core.pretrain.speed import synchronise

DEVICE = device()
IMAGES = 256


def paper_settings(batch_size: int) -> DenseSettings:
    """Return the settings of depth in ``configs/paper.yaml``."""
    with open("configs/paper.yaml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    block = config["finetune"]["tasks"]["depth"] | {"batch_size": batch_size}
    own = {key: value for key, value in block.items() if key not in ("origin", "root", "modes")}
    encoder = config["pretrain"]["encoder"] | {"image_size": config["pretrain"]["image_size"]}
    more = {"task": "depth", "mode": "whole", "encoder": "random", "architecture": encoder, "seeds": [0]}
    return DenseSettings.from_dict({**own, **more})


def random_samples(size: int) -> Samples:
    """Return random images and depths with NYUv2's aspect ratio of 4:3."""
    rng = np.random.default_rng(0)
    width = round(size * 4 / 3)
    images = rng.integers(0, 256, (IMAGES, size, width, 3), dtype=np.uint8)
    depth = rng.uniform(0.5, 10, (IMAGES, 1, size, width)).astype(np.float32)
    return Samples(images, depth, np.ones((IMAGES, size, width), bool))


def trainer(settings: DenseSettings) -> DenseTrainer:
    """Return a trainer as a job of the workflow uses it."""
    task, samples = get_dense_task("depth"), random_samples(settings.image_size)
    encoder = build_encoder(settings.architecture, 0)
    head = build_head(settings.head, encoder.width, task.channels, 0)
    hooks = [int(block) for block in settings.head.hooks]
    model = DenseModel(encoder, head, hooks, Scale.of(samples), frozen=False, bf16=uses_bfloat16(settings.precision))
    speed_up_linear_layers(model.to(DEVICE))
    return DenseTrainer(
        model, task, TrainingImages(lambda rows: select(samples, np.array(rows)), range(IMAGES)), settings, 0
    )


def main() -> None:
    """Print the measured times, one per line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64 if DEVICE.type == "cuda" else 4, help="the paper's: 64")
    parser.add_argument("--steps", type=int, default=30 if DEVICE.type == "cuda" else 4)
    args = parser.parse_args()
    settings = paper_settings(args.batch_size)
    training = trainer(settings)
    training.model.train()
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else platform.processor() or platform.machine()
    print(f"{name}, {settings.precision}, {settings.image_size} px, batches of {args.batch_size}")

    started = time.perf_counter()
    training.prepare(0, np.arange(args.batch_size))
    print(f"augmenting a batch, one thread     {time.perf_counter() - started:8.3f} s")

    coming = training.prefetch_batches()
    training.step(next(coming))
    synchronise(DEVICE)
    waited, started = 0.0, time.perf_counter()
    for _ in range(args.steps):
        asked = time.perf_counter()
        following = next(coming)
        waited += time.perf_counter() - asked
        training.step(following)
        synchronise(DEVICE)
    whole = time.perf_counter() - started
    print(f"a step of the loop                 {whole / args.steps:8.3f} s")
    print(f"of that waiting for the next batch {waited / whole:8.1%}")


if __name__ == "__main__":
    main()
