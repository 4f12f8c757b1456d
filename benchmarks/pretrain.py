"""Compare the training speed of each objective with the usual recipe, and measure the MFU.

    python benchmarks/pretrain.py

The usual recipe computes the softmax explicitly, uses AdamW with its defaults and reads the loss at every step, as the
released trainer does; on a GPU it runs under fp16 autocast, on a CPU in fp32. Our recipe uses bf16 if the device has
it, fused attention and the fused AdamW, and is compiled on a GPU. On a CPU it keeps freed memory
(mimic_core.machine.memory), and is timed in fp32 as well. Each recipe runs in its own process. Their steps alternate on
the same random images, and the fastest step of each counts. MFU is the operations of a step (one forward pass, and
twice as many for the backward pass) over the measured rate of a large matrix product in our recipe's precision. No data
are read: the waiting time of a real run is in its metrics.csv.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import time
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from mimic_core.kit.seeding import generator, seed_for
from mimic_core.machine.devices import device, usable_precision
from mimic_core.machine.memory import keep_freed_memory
from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.models.linear import speed_up_linear_layers
from mimic_core.objectives import OBJECTIVES, get_objective
from mimic_core.pretrain.schedule import make_optimizer
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.pretrain.speed import matrix_rate, synchronise

DEVICE = device()
SIZES = {
    "sample, 112 px": (ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3), 64),
    "ViT-B/16, 224 px": (ViTSettings(), DecoderSettings(), 4 if DEVICE.type == "cpu" else 128),
}
SECONDS = 8.0  # per line, with at least five steps of each recipe


def explicit_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute attention with an explicit softmax, as most code does."""
    scores: Tensor = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    return scores.softmax(dim=-1) @ value


class Recipe(NamedTuple):
    """How a step is computed."""

    ours: bool
    precision: torch.dtype


OURS = Recipe(True, usable_precision("bf16", DEVICE))
USUAL = Recipe(False, torch.float16 if DEVICE.type == "cuda" else torch.float32)
RECIPES = {"ours": OURS, "usual": USUAL}
if DEVICE.type == "cpu":
    RECIPES["ours, fp32"] = Recipe(True, torch.float32)


def make_step(name: str, size: str, recipe: Recipe) -> tuple[Callable[[], None], int]:
    """Return a training step (forward, backward, optimizer) of a recipe on fixed random images, and its operations."""
    encoder, decoder, batch = SIZES[size]
    objective = get_objective(name)
    settings = PretrainSettings(name, "random", encoder, decoder)
    model = objective.build(settings)
    model.initialise(seed_for(0, "benchmark"))
    model.to(DEVICE).train()
    if recipe.ours:
        speed_up_linear_layers(model)
    optimizer = make_optimizer(model, settings)
    if not recipe.ours:
        groups = [{key: group[key] for key in ("params", "weight_decay")} for group in optimizer.param_groups]
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    for group in optimizer.param_groups:
        group["lr"] = 1e-4
    rng = generator(0, "benchmark")
    draws = objective.draws(rng, batch, encoder.grid**2)
    shape = (batch, encoder.image_size, encoder.image_size, 3)
    request = objective.request(np.arange(batch), draws, np.arange(batch))
    images = {key: torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8)) for key in request}
    on_device = {key: torch.from_numpy(value).to(DEVICE) for key, value in draws.items()}

    def inputs() -> tuple[Tensor, ...]:
        return objective.inputs({key: value.to(DEVICE) for key, value in images.items()}, on_device)

    operations = round(batch * objective.cost(settings).operations)
    run = torch.compile(model) if recipe.ours and DEVICE.type == "cuda" else model
    scaler = torch.amp.GradScaler(DEVICE.type, enabled=recipe.precision == torch.float16)

    def step() -> None:
        with torch.autocast(DEVICE.type, recipe.precision, enabled=recipe.precision != torch.float32):
            loss = objective.total(run(*inputs())[0])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if not recipe.ours:
            loss.item()

    return step, operations


def serve(pipe: Connection, name: str, size: str, key: str, threads: int) -> None:
    """Run one recipe in a process: send the operations of a step, then the seconds of a step for each request."""
    recipe = RECIPES[key]
    torch.set_num_threads(threads)
    if recipe.ours:
        keep_freed_memory()
    with nullcontext() if recipe.ours else patch("mimic_core.models.attention.attend", explicit_attention):
        step, operations = make_step(name, size, recipe)
        step()
        pipe.send(operations)
        while pipe.recv():
            synchronise(DEVICE)
            begun = time.perf_counter()
            step()
            synchronise(DEVICE)
            pipe.send(time.perf_counter() - begun)


def compare(name: str, size: str, threads: int) -> tuple[dict[str, float], float]:
    """Return the samples per second of each recipe, from its fastest step, and our operations per second."""
    context = multiprocessing.get_context("spawn")  # so that the settings of one recipe do not affect another
    pipes, operations = {}, {}
    for key in RECIPES:
        pipes[key], other = context.Pipe()
        context.Process(target=serve, args=(other, name, size, key, threads), daemon=True).start()
        operations[key] = pipes[key].recv()
    fastest = dict.fromkeys(RECIPES, float("inf"))
    started, rounds = time.perf_counter(), 0
    while rounds < 5 or time.perf_counter() - started < SECONDS:
        for key, pipe in pipes.items():
            pipe.send(True)
            fastest[key] = min(fastest[key], pipe.recv())
        rounds += 1
    for pipe in pipes.values():
        pipe.send(False)
    batch = SIZES[size][2]
    return {key: batch / seconds for key, seconds in fastest.items()}, operations["ours"] / fastest["ours"]


def machine() -> str:
    """Describe the machine in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    device = torch.cuda.get_device_name() if DEVICE.type == "cuda" else (names or [platform.machine()])[0]
    return f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads; 1 on a busy machine")
    parser.add_argument("--models", nargs="+", default=["mae", "croco"], choices=list(OBJECTIVES))
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    print(machine())
    possible = matrix_rate(DEVICE, OURS.precision, side=8192 if DEVICE.type == "cuda" else 4096)
    print(f"matrix product in {OURS.precision}: {possible / 1e12:.2f} TFLOP/s")
    columns = [*RECIPES, *(f"{key} / usual" for key in RECIPES if key != "usual")]
    print(
        f"{'model':<8}{'size':<20}{'batch':>6}" + "".join(f"{key:>20}" for key in columns) + f"{'MFU':>8}   samples/s"
    )
    for size, (_, _, batch) in SIZES.items():
        for name in parser.parse_args().models:
            found, rate = compare(name, size, threads)
            ratios = [found[key] / found["usual"] for key in RECIPES if key != "usual"]
            cells = [*(f"{value:>20.1f}" for value in found.values()), *(f"{value:>20.2f}" for value in ratios)]
            print(f"{name:<8}{size:<20}{batch:>6}" + "".join(cells) + f"{rate / possible:>8.0%}", flush=True)


if __name__ == "__main__":
    main()
