"""Which samples a run trains on and in which batches: divided over processes and accumulation steps.

All draws of an iteration are made for the whole effective batch and then shared out, so the same effective batch
gives the same run however it is divided; and as they are seeded by the iteration, a resumed run draws what an
undisturbed one would have drawn.
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
    """The batches of one process among the others.

    Args:
        rows: the dataset's.
        objective: what is trained, with the run's options.
        settings: the run's settings.
        seed: the config's seed.
        world: this process among the others.

    Attributes:
        training, held_out: rows of the dataset to train on, and to validate on.
        patches: patches of an image.
        effective_batch: samples of one step of the optimizer, over all processes.
        accumulation: batches of a process that make it up.
        order: which samples are in which iteration.
        iterations: of the whole run.
    """

    def __init__(
        self, rows: pd.DataFrame, objective: Objective[Any], settings: PretrainSettings, seed: int, world: Processes
    ) -> None:
        self.rows, self.objective, self.settings, self.seed, self.world = rows, objective, settings, seed, world
        self.patches = settings.encoder.grid**2
        self.effective_batch = settings.effective_batch or world.count * settings.batch_size
        self.accumulation = accumulation_steps(self.effective_batch, world.count, settings.batch_size)
        self.training, self.held_out = split_by_unit(rows, settings.validation_share, seed)
        samples = len(self.training) * objective.samples_per_item
        matched = settings.epoch_pairs and round(samples * settings.epoch_pairs / len(rows))  # held out as many
        self.order = Order(samples, self.effective_batch, seed, matched)
        self.iterations = settings.epochs * self.order.iterations_per_epoch

    def requests(self, first: int) -> Iterator[tuple[Request, Draws]]:
        """What this process asks of the store from an iteration on: a batch an accumulation step, with its draws."""
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
        """Row of the dataset that each training sample is of."""
        items: np.ndarray = self.training[samples // self.objective.samples_per_item]
        return items

    def keys(self, iteration: int) -> list[str]:
        """Keys of the pairs that all processes train on in an iteration."""
        items = np.unique(self.items_of(self.order.batch(iteration)))
        return [str(key) for key in self.rows["key"].iloc[items]]

    def validation_rows(self) -> np.ndarray:
        """Rows to validate on, those of one unit side by side."""
        rows = self.rows.iloc[self.held_out].reset_index(drop=True)
        sorted_rows: np.ndarray = self.held_out[rows.sort_values(["source", "unit", "key"]).index.to_numpy()]
        return sorted_rows
