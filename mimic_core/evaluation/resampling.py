"""How far a test figure would move with another draw of test images (paper, table 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator

DRAWS = 100  # test sets drawn, as in the paper


def bootstrap_values(
    statistic: Callable[[NDArray[np.int64]], float], count: int, seed: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """A test figure on ``draws`` test sets, each as large as the real one, drawn from it with replacement.

    Args:
        statistic: the figure of the test set that consists of these rows (``count`` image numbers, some of them twice).
        count: number of test images.
        seed: same seed and number of images, same draws: two models are compared on the same test sets.

    Returns:
        (draws,) figures.

    Raises:
        MimicError: there is no image.
    """
    if count < 1:
        raise MimicError("there are no per-image values to draw from", remedy="evaluate on at least one test image")
    chosen = generator(seed, "bootstrap").integers(count, size=(draws, count))
    return np.array([statistic(rows) for rows in chosen], dtype=np.float64)


def bootstrap_statistic(
    statistic: Callable[[NDArray[np.int64]], float], count: int, seed: int, draws: int = DRAWS
) -> dict[str, float]:
    """``min``, ``max``, ``mean`` and ``std`` (sample) of :func:`bootstrap_values`: for a figure that is no mean."""
    values = bootstrap_values(statistic, count, seed, draws)
    spread = float(values.std(ddof=1)) if draws > 1 else 0.0
    return {"min": float(values.min()), "max": float(values.max()), "mean": float(values.mean()), "std": spread}


def bootstrap_means(
    values: Sequence[float] | NDArray[np.float64], seed: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """:func:`bootstrap_values` of the mean of one value a test image: (draws,) means."""
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_values(lambda rows: float(values[rows].mean()), values.size, seed, draws)


def bootstrap(values: Sequence[float] | NDArray[np.float64], seed: int, draws: int = DRAWS) -> dict[str, float]:
    """:func:`bootstrap_statistic` of the mean of one value a test image."""
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_statistic(lambda rows: float(values[rows].mean()), values.size, seed, draws)
