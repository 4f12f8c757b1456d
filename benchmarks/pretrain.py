"""Training speed of MAE and CroCo: ours (bf16, the faster attention, losses left alone) against the usual recipe.

The usual recipe is fp32, a written-out softmax, and the loss read at every step. Their steps alternate in one process,
on the same random images; the fastest step of each counts. Run: python benchmarks/pretrain.py
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from mimic_core.devices import device
from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.pretrain.objectives import OBJECTIVES
from mimic_core.pretrain.schedule import make_optimizer
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.seeding import generator, seed_for

DEVICE = device()
SIZES = {
    "sample, 112 px": (ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3), 64),
    "ViT-B/16, 224 px": (ViTSettings(), DecoderSettings(), 4 if DEVICE.type == "cpu" else 128),
}
SECONDS = 8.0  # for each line, and at least three steps of each recipe


def written_out(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention as most code has it."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    return scores.softmax(dim=-1) @ value


def make_step(name: str, size: str, ours: bool) -> Callable[[], None]:
    """A training step (forward, backward, optimiser) of one recipe on fixed random images."""
    encoder, decoder, batch = SIZES[size]
    objective = OBJECTIVES[name]
    model = objective.build(encoder, decoder, objective.mask_ratio)
    model.initialise(seed_for(0, "benchmark"))
    model.to(DEVICE).train()
    optimizer = make_optimizer(model, PretrainSettings(name, "random", encoder, decoder))
    for group in optimizer.param_groups:
        group["lr"] = 1e-4
    rng = generator(0, "benchmark")
    draws = objective.draws(rng, batch, encoder.grid**2)
    views = objective.request(np.arange(batch), draws).views.shape[1]
    shape = (batch, views, encoder.image_size, encoder.image_size, 3)
    images = torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))
    on_device = {key: torch.from_numpy(value).to(DEVICE) for key, value in draws.items()}

    def step() -> None:
        with nullcontext() if ours else patch("mimic_core.models.attention.attend", written_out):
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=ours):
                loss = model(*objective.inputs(images.to(DEVICE), on_device))[0]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if not ours:
                loss.item()

    return step


def compare(name: str, size: str) -> tuple[float, float]:
    """Samples a second of ours and of the usual recipe: steps in turn, the fastest of each."""
    steps = [make_step(name, size, ours) for ours in (True, False)]
    fastest = [float("inf"), float("inf")]
    for step in steps:
        step()
    started, rounds = time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - started < SECONDS:
        for index, step in enumerate(steps):
            synchronise()
            begun = time.perf_counter()
            step()
            synchronise()
            fastest[index] = min(fastest[index], time.perf_counter() - begun)
        rounds += 1
    batch = SIZES[size][2]
    return batch / fastest[0], batch / fastest[1]


def synchronise() -> None:
    """Wait for the GPU, where there is one."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def machine() -> str:
    """What this ran on, in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    device = torch.cuda.get_device_name() if DEVICE.type == "cuda" else (names or [platform.machine()])[0]
    return f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads; 1 on a busy machine")
    torch.set_num_threads(parser.parse_args().threads)
    print(machine())
    print(f"{'model':<8}{'size':<20}{'batch':>6}{'ours':>10}{'usual':>10}{'ratio':>8}   samples/s")
    for size, (_, _, batch) in SIZES.items():
        for name in OBJECTIVES:
            ours, usual = compare(name, size)
            print(f"{name:<8}{size:<20}{batch:>6}{ours:>10.1f}{usual:>10.1f}{ours / usual:>8.2f}")


if __name__ == "__main__":
    main()
