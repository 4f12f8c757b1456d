"""Training data: held-out units, and the order of samples."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator, seed_for

log = logging.getLogger("mimic")


def split_by_unit(rows: pd.DataFrame, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold out entire units (videos, scenes) for validation, so that no scene is in both splits.

    Args:
        rows: the dataset's rows.
        share: share of the units to hold out, 0 to 1; if above 0, at least one unit is held out.
        seed: the config's seed; units are ordered by a hash of the seed and their name.

    Returns:
        Indices of the training pairs and of the validation pairs, both ascending. A dataset with one unit has no
        validation pairs.
    """
    names = list(zip(rows["source"].astype(str), rows["unit"].astype(str), strict=True))
    units = sorted(set(names), key=lambda name: (seed_for(seed, "validation", *name), name))
    count = min(max(1, round(share * len(units))), len(units) - 1) if share > 0 else 0
    if share > 0 and count < 1:
        log.warning("the dataset has only one unit: nothing is held out for validation")
    held_out = set(units[:count])
    chosen = np.array([name in held_out for name in names], dtype=bool)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


class Order:
    """The samples in each iteration's effective batch: a new permutation for every pass, computed without history.

    An incomplete batch at the end of a pass is dropped. If there are fewer samples than one batch, they are repeated.

    Args:
        samples: number of training samples.
        effective_batch: samples per optimizer step, over all processes.
        seed: the config's seed.
        epoch_samples: number of samples that count as an epoch; None: all samples.
    """

    def __init__(self, samples: int, effective_batch: int, seed: int, epoch_samples: int | None = None) -> None:
        if samples < 1:
            remedy = "mine more pairs, or lower pretrain.validation_share"
            raise MimicError("there are no pairs to train on", where="the dataset's manifest", remedy=remedy)
        self.samples, self.effective_batch, self.seed = samples, effective_batch, seed
        self.iterations_per_pass = max(1, samples // effective_batch)
        self.iterations_per_epoch = max(1, (samples if epoch_samples is None else epoch_samples) // effective_batch)
        self.held, self.permutation = -1, np.empty(0, dtype=np.int64)

    def batch(self, iteration: int) -> np.ndarray:
        """Return the (effective_batch,) sample indices of an iteration, counted from 0 over all epochs."""
        number, place = divmod(iteration, self.iterations_per_pass)
        if number != self.held:
            rng = generator(self.seed, "order", number)
            repeats = -(-self.effective_batch // self.samples)
            self.permutation = np.concatenate([rng.permutation(self.samples) for _ in range(repeats)])
            self.held = number
        return self.permutation[place * self.effective_batch :][: self.effective_batch]
