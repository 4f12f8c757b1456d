"""What torch computes on, and how it uses the processor where that is what it computes on."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import torch

from mimic_core.memory import keep_freed_memory

log = logging.getLogger("mimic")


def device(index: int = 0) -> torch.device:
    """The GPU of that number where there is one, else the CPU."""
    return torch.device("cuda", index) if torch.cuda.is_available() else torch.device("cpu")


def usable_precision(asked: str, device: torch.device) -> torch.dtype:
    """What products are computed in: float16 on a GPU that has no bfloat16."""
    precision = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[asked]
    if precision == torch.bfloat16 and device.type == "cuda" and not torch.cuda.is_bf16_supported(False):
        log.info("this GPU has no bfloat16: float16 and a loss scaler are used")
        return torch.float16
    return precision


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
