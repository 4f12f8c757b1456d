"""How far a test figure would move with another draw of test images (paper, table 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_core.errors import MimicError
from mimic_core.seeding import generator

DRAWS = 100  # test sets drawn, as in the paper


def bootstrap_means(
    values: Sequence[float] | NDArray[np.float64], seed: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """Means of ``draws`` test sets, each as large as the real one, drawn from it with replacement.

    Args:
        values: one value a test image.
        seed: same seed and number of images, same draws: two models are compared on the same test sets.

    Returns:
        (draws,) means.

    Raises:
        MimicError: there is no value.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise MimicError("there are no per-image values to draw from", remedy="evaluate on at least one test image")
    chosen = generator(seed, "bootstrap").integers(values.size, size=(draws, values.size))
    return values[chosen].mean(axis=1)


def bootstrap(values: Sequence[float] | NDArray[np.float64], seed: int, draws: int = DRAWS) -> dict[str, float]:
    """``min``, ``max``, ``mean`` and ``std`` (sample) of :func:`bootstrap_means`."""
    means = bootstrap_means(values, seed, draws)
    spread = float(means.std(ddof=1)) if draws > 1 else 0.0
    return {"min": float(means.min()), "max": float(means.max()), "mean": float(means.mean()), "std": spread}
