"""Bootstrap: how much a test metric varies over resampled test sets (paper, table 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator

DRAWS = 100  # resampled test sets, as in the paper


def bootstrap_values(
    statistic: Callable[[NDArray[np.int64]], float], count: int, seed: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """Compute a metric on ``draws`` test sets, each as large as the real one, drawn from it with replacement.

    Args:
        statistic: the metric of the test set made of these rows (``count`` image indices, possibly repeated).
        count: number of test images.
        seed: the same seed and count give the same draws, so two models are compared on the same test sets.

    Returns:
        (draws,) values.

    Raises:
        MimicError: there are no images.
    """
    if count < 1:
        raise MimicError("there are no per-image values to resample", remedy="evaluate on at least one test image")
    chosen = generator(seed, "bootstrap").integers(count, size=(draws, count))
    return np.array([statistic(rows) for rows in chosen], dtype=np.float64)


def bootstrap_statistic(
    statistic: Callable[[NDArray[np.int64]], float], count: int, seed: int, draws: int = DRAWS
) -> dict[str, float]:
    """Return ``min``, ``max``, ``mean`` and sample ``std`` of :func:`bootstrap_values`, for any metric."""
    values = bootstrap_values(statistic, count, seed, draws)
    spread = float(values.std(ddof=1)) if draws > 1 else 0.0
    return {"min": float(values.min()), "max": float(values.max()), "mean": float(values.mean()), "std": spread}


def bootstrap_means(
    values: Sequence[float] | NDArray[np.float64], seed: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """Return :func:`bootstrap_values` of the mean of per-image values: (draws,) means."""
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_values(lambda rows: float(values[rows].mean()), values.size, seed, draws)


def bootstrap(values: Sequence[float] | NDArray[np.float64], seed: int, draws: int = DRAWS) -> dict[str, float]:
    """Return :func:`bootstrap_statistic` of the mean of per-image values."""
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_statistic(lambda rows: float(values[rows].mean()), values.size, seed, draws)
