"""Depth at the paper's settings (ViT-B/16, DPT, 256 px, crops and colours): does the device wait for images?

Random images, the real training loop. A step's own time (forward, backward, optimizer) stands beside what one thread
needs to augment a batch, which happens while the step before is computed, and the share of the time that the loop
waited for it. With the augmentation in the loop, as it is usually done, the device would wait for the sum.
Run: python benchmarks/finetune.py
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
    """Depth, from ``configs/paper.yaml``."""
    with open("configs/paper.yaml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    block = config["finetune"]["tasks"]["depth"] | {"batch_size": batch_size}
    own = {key: value for key, value in block.items() if key not in ("origin", "root", "modes")}
    encoder = config["pretrain"]["encoder"] | {"image_size": config["pretrain"]["image_size"]}
    more = {"task": "depth", "mode": "whole", "encoder": "random", "architecture": encoder, "seeds": [0]}
    return DenseSettings.from_dict({**own, **more})


def random_samples(size: int) -> Samples:
    """Whole images and depths of noise, 4:3 as NYUv2's."""
    rng = np.random.default_rng(0)
    width = round(size * 4 / 3)
    images = rng.integers(0, 256, (IMAGES, size, width, 3), dtype=np.uint8)
    depth = rng.uniform(0.5, 10, (IMAGES, 1, size, width)).astype(np.float32)
    return Samples(images, depth, np.ones((IMAGES, size, width), bool))


def trainer(settings: DenseSettings) -> DenseTrainer:
    """What a job of the workflow trains with."""
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
    """Print one line for each figure."""
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

    coming = training.coming_batches()
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
