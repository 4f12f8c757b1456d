"""What a job asks of the machine it runs on: the rules' ``resources:``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mimic_core.machine.gpus import trains_on_gpus

SNAKEMAKES = 400  # MB of the two Snakemakes that start a job on a node of a cluster


def memory(megabytes: float | Callable[[Any], float]) -> Callable[..., float]:
    """Memory that a job asks for, in MB: its own, more with every attempt, and that of what starts it.

    Args:
        megabytes: of the job itself; or a function of its wildcards.
    """

    def asked(wildcards: Any, attempt: int) -> float:
        own = megabytes(wildcards) if callable(megabytes) else megabytes
        return attempt * own + SNAKEMAKES

    return asked


def minutes(count: int) -> Callable[..., int]:
    """Time that a job asks for: more with every attempt."""
    return lambda wildcards, attempt: attempt * count


def gpus(config: Mapping[str, Any]) -> int:
    """GPUs of a process that trains or evaluates a model, 0 or 1."""
    return int(trains_on_gpus(config["gpus"]))
