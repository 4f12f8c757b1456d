"""Choose torch's device and precision, and its number of CPU threads."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import torch

from mimic_core.machine.memory import keep_freed_memory

log = logging.getLogger("mimic")

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}  # by their names in the config
BFLOAT16 = ("avx512_bf16", "amx_bf16", "avx10_2", "bf16", "sve_bf16")  # x86 and ARM instruction sets


def device(index: int = 0) -> torch.device:
    """Return the GPU with this index, or the CPU if there is no GPU."""
    return torch.device("cuda", index) if torch.cuda.is_available() else torch.device("cpu")


def has_bfloat16(device: torch.device) -> bool:
    """Return whether the hardware computes in bfloat16; a CPU without AVX-512 took 14 times as long as in float32."""
    if device.type == "cuda":
        supported: bool = torch.cuda.is_bf16_supported(False)
        return supported
    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in BFLOAT16)


def usable_precision(asked: str, device: torch.device) -> torch.dtype:
    """Return the dtype for autocast. Where bfloat16 is not supported: float16 on a GPU, float32 on a CPU.

    Args:
        asked: ``bf16``, ``fp16`` or ``fp32``.
        device: the device that computes.
    """
    precision = PRECISIONS[asked]
    if precision != torch.bfloat16 or has_bfloat16(device):
        return precision
    if device.type == "cuda":
        log.info("this GPU has no bfloat16: using float16 and a loss scaler")
        return torch.float16
    log.info("this processor has no bfloat16: using float32")
    return torch.float32


def uses_bfloat16(asked: str) -> bool:
    """Return whether code without a loss scaler should use bfloat16: if it is requested and the hardware has it."""
    return asked == "bf16" and has_bfloat16(device())


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads inside the context; from then on the process also keeps the memory it frees."""
    keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
