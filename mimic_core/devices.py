"""What torch computes on, and how it treats the processor where that is what it computes on."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
LARGEST_INT = 2**31 - 1


def device(index: int = 0) -> torch.device:
    """The GPU of that number where there is one, else the CPU."""
    return torch.device("cuda", index) if torch.cuda.is_available() else torch.device("cpu")


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads meanwhile; memory that it frees stays with the process from now on."""
    keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> bool:
    """Ask the C library to keep freed memory for the next tensor instead of giving it back to the system.

    Every training step frees and takes the same megabytes. Given back, each page is fetched and zeroed anew, which
    took a fifth to a third of a step at sample scale. Peak memory stays what it was.

    Returns:
        Whether it does; False with a C library other than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(name, LARGEST_INT) == 1 for name in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))
