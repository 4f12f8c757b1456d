"""What torch computes on, and how it uses the processor where that is what it computes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from mimic_core.memory import keep_freed_memory


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
