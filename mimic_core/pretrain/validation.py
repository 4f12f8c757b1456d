"""Losses on units that training never sees, with the same hidden patches every time, so that epochs compare."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mimic_core.kit.seeding import generator
from mimic_core.objectives import Objective, Request
from mimic_core.pretrain.data import ImageStore
from mimic_core.pretrain.distributed import Processes

PICTURES = 6  # samples of which the reconstructions are drawn


class Validation:
    """Measures a model on fixed pairs.

    Args:
        objective: says which images go in, and under which names the losses come out.
        store: the images.
        pairs: indices of the validation pairs in the store, those of one unit side by side.
        patches: patches of an image.
        batch_size: samples a process and step.
        seed: the config's seed.
    """

    def __init__(
        self, objective: Objective, store: ImageStore, pairs: np.ndarray, patches: int, batch_size: int, seed: int
    ) -> None:
        self.objective, self.store, self.pairs, self.batch_size = objective, store, pairs, batch_size
        self.samples = np.arange(len(pairs) * objective.samples_per_pair)
        self.draws = objective.fixed_draws(generator(seed, "validation draws"), len(self.samples), patches)

    @torch.no_grad()
    def measure(self, model: nn.Module, world: Processes, autocast: torch.autocast) -> dict[str, float]:
        """Mean losses over all validation samples, shared out over the processes.

        By the name of the measure (``val_loss``, ...); where it is a sum, also ``val_loss_<name>`` of what.
        """
        if not len(self.pairs):
            return {}
        requests = self.objective.validation_requests(self.samples, len(self.pairs))
        starts = range(world.rank * self.batch_size, len(self.samples), world.count * self.batch_size)
        model.eval()
        losses = {}
        names = list(self.objective.weights) if len(self.objective.weights) > 1 else []
        for measure, request in requests.items():
            sums = torch.zeros(1 + len(names), dtype=torch.float64, device=world.device)
            for images, part in self.store.stream(self.parts(request, starts)):
                draws = {key: torch.from_numpy(value[part]).to(world.device) for key, value in self.draws.items()}
                with autocast:
                    inputs = self.objective.inputs(torch.from_numpy(images).to(world.device), draws)
                    found = model(*inputs)[0]
                    total = self.objective.total(found)
                values = [total, *(found[name] for name in names)]
                sums += torch.stack([value.double() for value in values]) * len(images)
            means = (world.sum(sums) / len(self.samples)).tolist()
            columns = [measure, *(f"{measure}_{name}" for name in names)]
            losses |= dict(zip(columns, means, strict=True))
        model.train()
        return losses

    @torch.no_grad()
    def pictures(self, model: nn.Module, device: torch.device, autocast: torch.autocast) -> dict[str, torch.Tensor]:
        """What the model paints on a few fixed samples, by title: see :meth:`Objective.pictures`."""
        chosen = np.unique(np.linspace(0, len(self.samples) - 1, PICTURES).round().astype(int))
        request = self.objective.validation_requests(self.samples, len(self.pairs))["val_loss"]
        request = Request(self.pairs[request.pairs[chosen]], request.views[chosen])
        images, _ = next(self.store.stream([(request, None)]))
        draws = {key: torch.from_numpy(value[chosen]).to(device) for key, value in self.draws.items()}
        model.eval()
        with autocast:
            inputs = self.objective.inputs(torch.from_numpy(images).to(device), draws)
            found = self.objective.pictures(inputs, model(*inputs), model)
        model.train()
        return found

    def parts(self, request: Request, starts: range) -> list[tuple[Request, slice]]:
        """The request cut into batches of this process, its pairs as the store numbers them."""
        cuts = [slice(start, start + self.batch_size) for start in starts]
        return [(Request(self.pairs[request.pairs[cut]], request.views[cut]), cut) for cut in cuts]
