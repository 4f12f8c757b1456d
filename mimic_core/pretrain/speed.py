"""How well a run uses its device: time waited for data, memory, and counted over possible floating-point operations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mimic_core.machine import peak_resident
from mimic_core.models import matrix_product

SIDES = {"cuda": 8192, "cpu": 1024}  # of the matrices whose product measures what is possible
PRODUCTS = {"cuda": 20, "cpu": 3}  # of which the fastest counts


class Stopwatch:
    """Adds up the seconds spent inside :meth:`running`."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time in this context."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - started

    def take(self) -> float:
        """The seconds so far; the count starts again."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


@torch.no_grad()
def matrix_rate(device: torch.device, dtype: torch.dtype, side: int = 0) -> float:
    """Floating-point operations a second of a large matrix product, measured: what the device can do at most.

    Args:
        side: of the matrices; 0: large enough for a GPU, and a tenth of a second's work for a CPU, which may do up to
            one and a half times as much on larger ones.
    """
    if device.type == "cpu" and dtype == torch.float16:
        dtype = torch.float32  # CPUs widen it
    side, products = side or SIDES[device.type], PRODUCTS[device.type]
    one = torch.randn(side, side, device=device, dtype=dtype)
    fastest = float("inf")
    for _ in range(products):
        synchronise(device)
        started = time.perf_counter()
        matrix_product(one, one)
        synchronise(device)
        fastest = min(fastest, time.perf_counter() - started)
    return 2 * side**3 / fastest


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> float:
    """Highest memory in MiB so far: of the GPU where there is one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_resident()
