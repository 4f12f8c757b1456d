"""Values for the rules' ``resources:``: memory, time and GPUs of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mimic_core.machine.gpus import trains_on_gpus

SNAKEMAKE_MB = 400  # of the two Snakemake processes that start a job on a cluster node


def memory(megabytes: float | Callable[[Any], float]) -> Callable[..., float]:
    """Return a job's memory in MB: its own times the attempt, plus that of Snakemake.

    Args:
        megabytes: the job's own memory, or a function of its wildcards.
    """

    def asked(wildcards: Any, attempt: int) -> float:
        own = megabytes(wildcards) if callable(megabytes) else megabytes
        return attempt * own + SNAKEMAKE_MB

    return asked


def minutes(count: int) -> Callable[..., int]:
    """Return a job's time in minutes, times the attempt."""
    return lambda wildcards, attempt: attempt * count


def gpus(config: Mapping[str, Any]) -> int:
    """Return the GPUs of a process that trains or evaluates a model: 0 or 1."""
    return int(trains_on_gpus(config["gpus"]))
