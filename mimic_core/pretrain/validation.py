"""Validation losses on held-out units, with the same masks every time, so that epochs are comparable."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from mimic_core.kit.seeding import generator
from mimic_core.objectives import Arrays, Objective, Store
from mimic_core.pretrain.distributed import Processes

PICTURES = 6  # samples whose reconstructions are drawn


class Validation:
    """Evaluate a model on fixed items.

    Args:
        objective: defines the model's inputs and the names of the losses.
        store: provides the arrays.
        items: dataset rows to validate on, those of a unit adjacent.
        patches: number of patches of a sample.
        batch_size: samples per process and forward pass.
        seed: the config's seed.
    """

    def __init__(
        self, objective: Objective[Any], store: Store, items: np.ndarray, patches: int, batch_size: int, seed: int
    ) -> None:
        self.objective, self.store, self.items, self.batch_size = objective, store, items, batch_size
        self.samples = np.arange(len(items) * objective.samples_per_item)
        self.draws = objective.fixed_draws(generator(seed, "validation draws"), len(self.samples), patches)

    @torch.no_grad()
    def measure(self, model: nn.Module, world: Processes, autocast: torch.autocast) -> dict[str, float]:
        """Return the mean losses over all validation samples, which are divided over the processes.

        Keys are the measures (``val_loss``, ...) and, if the loss is a sum, its components ``val_loss_<name>``.
        """
        if not len(self.items):
            return {}
        requests = self.objective.validation_requests(self.samples, self.items)
        starts = range(world.rank * self.batch_size, len(self.samples), world.count * self.batch_size)
        parts = [slice(start, start + self.batch_size) for start in starts]
        model.eval()
        losses: dict[str, float] = {}
        names = list(self.objective.weights) if len(self.objective.weights) > 1 else []
        for measure, request in requests.items():
            sums = torch.zeros(1 + len(names), dtype=torch.float64, device=world.device)
            for arrays, part in self.store.stream((rows(request, part), part) for part in parts):
                with autocast:
                    inputs = self.objective.inputs(world.put(arrays), world.put(rows(self.draws, part)))
                    found = model(*inputs)[0]
                    total = self.objective.total(found)
                values = [total, *(found[name] for name in names)]
                sums += torch.stack([value.double() for value in values]) * len(self.samples[part])
            means = (world.sum(sums) / len(self.samples)).tolist()
            columns = [measure, *(f"{measure}_{name}" for name in names)]
            losses |= dict(zip(columns, means, strict=True))
        model.train()
        return losses

    @torch.no_grad()
    def pictures(self, model: nn.Module, world: Processes, autocast: torch.autocast) -> dict[str, torch.Tensor]:
        """Return the model's reconstructions of a few fixed samples, by title: see :meth:`Objective.pictures`."""
        chosen = np.unique(np.linspace(0, len(self.samples) - 1, PICTURES).round().astype(int))
        request = self.objective.validation_requests(self.samples, self.items)["val_loss"]
        arrays, _ = next(self.store.stream([(rows(request, chosen), None)]))
        model.eval()
        with autocast:
            inputs = self.objective.inputs(world.put(arrays), world.put(rows(self.draws, chosen)))
            found = self.objective.pictures(inputs, model(*inputs), model)
        model.train()
        return found


def rows(arrays: Arrays, part: slice | np.ndarray) -> dict[str, np.ndarray]:
    """Select the same rows of each array."""
    return {name: values[part] for name, values in arrays.items()}
