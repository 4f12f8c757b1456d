"""Cosine schedules of learning rates and other values over a training run."""

from __future__ import annotations

import math


def cosine(done: float) -> float:
    """Return half a cosine that falls from 1 to 0 as ``done`` goes from 0 to 1, and stays 0 beyond."""
    return 0.5 * (1 + math.cos(math.pi * min(done, 1)))


def between(start: float, end: float, done: float) -> float:
    """Interpolate from ``start`` to ``end`` along half a cosine."""
    return end + (start - end) * cosine(done)


def warmed_up(
    epoch: float, *, peak: float, epochs: float, warmup_epochs: float, start: float = 0.0, end: float = 0.0
) -> float:
    """Return the value at ``epoch`` of a linear warm-up from ``start`` to ``peak`` and half a cosine down to ``end``.

    Args:
        epoch: epochs done so far, including fractions.
        peak: value after the warm-up.
        epochs, warmup_epochs: length of the training (including the warm-up) and of the warm-up.
        start, end: values before the first step and after the last.
    """
    if epoch < warmup_epochs:
        return start + (peak - start) * epoch / warmup_epochs
    return between(peak, end, (epoch - warmup_epochs) / max(epochs - warmup_epochs, 1e-9))
