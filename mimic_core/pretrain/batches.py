"""Compose batches and divide them over processes and accumulation steps.

The random draws of an iteration are made for the full effective batch and then divided, so the result does not depend
on how the batch is divided. They are seeded by the iteration, so a resumed run makes the same draws as an uninterrupted
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mimic_core.kit.seeding import generator
from mimic_core.objectives import Objective, Request
from mimic_core.pretrain.data import Order, split_by_unit
from mimic_core.pretrain.distributed import Processes, accumulation_steps
from mimic_core.pretrain.settings import PretrainSettings

Draws = dict[str, np.ndarray]


class Batches:
    """The batches of one process.

    Args:
        rows: the dataset's rows.
        objective: the objective, with the run's options.
        settings: the run's settings.
        seed: the config's seed.
        world: this process and the others of the run.

    Attributes:
        training, held_out: indices of the dataset rows for training and for validation.
        patches: number of patches of a sample.
        effective_batch: samples per optimizer step, over all processes.
        accumulation: batches per process and optimizer step.
        order: the samples of each iteration.
        iterations: number of iterations of the run.
    """

    def __init__(
        self, rows: pd.DataFrame, objective: Objective[Any], settings: PretrainSettings, seed: int, world: Processes
    ) -> None:
        self.rows, self.objective, self.settings, self.seed, self.world = rows, objective, settings, seed, world
        self.patches = objective.patches(settings)
        self.effective_batch = settings.effective_batch or world.count * settings.batch_size
        self.accumulation = accumulation_steps(self.effective_batch, world.count, settings.batch_size)
        self.training, self.held_out = split_by_unit(rows, settings.validation_share, seed)
        samples = len(self.training) * objective.samples_per_item
        matched = settings.epoch_pairs and round(samples * settings.epoch_pairs / len(rows))  # same share held out
        self.order = Order(samples, self.effective_batch, seed, matched)
        self.iterations = settings.epochs * self.order.iterations_per_epoch

    def requests(self, first: int) -> Iterator[tuple[Request, Draws]]:
        """Yield this process's requests to the image store from an iteration on, one batch with its draws at a time."""
        size = self.settings.batch_size
        for iteration in range(first, self.iterations):
            samples = self.order.batch(iteration)
            rng = generator(self.seed, "iteration", iteration)
            draws = self.objective.draws(rng, self.effective_batch, self.patches)
            for step in range(self.accumulation):
                start = (step * self.world.count + self.world.rank) * size
                own = samples[start : start + size]
                part = {name: values[start : start + size] for name, values in draws.items()}
                request = self.objective.request(own, part, self.training)
                yield request, self.objective.adapt(part, self.rows.iloc[self.items_of(own)])

    def items_of(self, samples: np.ndarray) -> np.ndarray:
        """Return the dataset row of each training sample."""
        items: np.ndarray = self.training[samples // self.objective.samples_per_item]
        return items

    def keys(self, iteration: int) -> list[str]:
        """Return the keys of the pairs that all processes train on in an iteration."""
        items = np.unique(self.items_of(self.order.batch(iteration)))
        return [str(key) for key in self.rows["key"].iloc[items]]

    def validation_rows(self) -> np.ndarray:
        """Return the dataset rows to validate on, sorted so that those of a unit are adjacent."""
        rows = self.rows.iloc[self.held_out].reset_index(drop=True)
        sorted_rows: np.ndarray = self.held_out[rows.sort_values(["source", "unit", "key"]).index.to_numpy()]
        return sorted_rows
