"""How a learning rate, or anything else, changes over a training: one cosine for the whole project."""

from __future__ import annotations

import math


def cosine(done: float) -> float:
    """Half a cosine, from 1 down to 0; ``done`` is the share of the way, and stays at 0 beyond 1."""
    return 0.5 * (1 + math.cos(math.pi * min(done, 1)))


def between(start: float, end: float, done: float) -> float:
    """A value on its way from ``start`` to ``end``, along half a cosine."""
    return end + (start - end) * cosine(done)


def warmed_up(
    epoch: float, *, peak: float, epochs: float, warmup_epochs: float, start: float = 0.0, end: float = 0.0
) -> float:
    """A linear warm-up from ``start`` to ``peak``, then half a cosine down to ``end``.

    Args:
        epoch: epochs done so far, with its fraction.
        peak: value after the warm-up.
        epochs, warmup_epochs: length of the training and, of that, of the warm-up.
        start, end: value before the first step and after the last.
    """
    if epoch < warmup_epochs:
        return start + (peak - start) * epoch / warmup_epochs
    return between(peak, end, (epoch - warmup_epochs) / max(epochs - warmup_epochs, 1e-9))
