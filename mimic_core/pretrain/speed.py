"""Measure how well a run uses its device: time spent waiting, peak memory, and the device's maximum FLOP rate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mimic_core.machine import peak_resident
from mimic_core.models import matrix_product

SIDES = {"cuda": 8192, "cpu": 1024}  # side of the matrices used to measure the maximum rate
PRODUCTS = {"cuda": 20, "cpu": 3}  # number of products; the fastest counts


class Stopwatch:
    """Add up the seconds spent inside :meth:`running`."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time this context."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - started

    def take(self) -> float:
        """Return the seconds so far and reset the count."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


@torch.no_grad()
def matrix_rate(device: torch.device, dtype: torch.dtype, side: int = 0) -> float:
    """Measure the device's maximum floating-point operations per second with a large matrix product.

    Args:
        side: side of the matrices. 0 chooses one that saturates a GPU, or takes a CPU a tenth of a second; larger
            matrices may reach up to 1.5 times that rate on a CPU.
    """
    if device.type == "cpu" and dtype == torch.float16:
        dtype = torch.float32  # CPUs compute float16 in float32
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
    """Wait until a GPU has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> float:
    """Return the peak memory so far in MiB: of the GPU for a CUDA device, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_resident()
