"""Trains a tiny DINO as the loop does, on the same batches every time."""

import numpy as np
import torch

from mimic_core.models.settings import ViTSettings
from mimic_core.objectives.dino.model import DINO, DINOSettings
from mimic_core.objectives.dino.objective import DINOObjective
from mimic_core.pretrain.distributed import accumulate

VIT = ViTSettings(32, 8, 16, 1, 2, 2)
SMALL = DINOSettings(prototypes=32, hidden=24, bottleneck=8, local_crops=2, teacher_warmup_epochs=2)
BATCH, STEPS, EPOCHS = 8, 3, 3


def make_model(options=SMALL, epochs=EPOCHS, seed=0):
    model = DINO(VIT, options, epochs)
    model.initialise(seed)
    return model.train()


def batches(count=STEPS, options=SMALL):
    """Images and draws of some effective batches, the same every time."""
    objective = DINOObjective(options, VIT.patch_size)
    rng = np.random.default_rng(0)
    for _ in range(count):
        images = torch.from_numpy(rng.integers(0, 256, (BATCH, 32, 32, 3), dtype=np.uint8))
        draws = objective.draws(rng, BATCH, VIT.grid**2)
        yield images, {name: torch.from_numpy(values) for name, values in draws.items()}


def train(model, wrapped=None, micro=BATCH, rank=0, processes=1, count=STEPS):
    """Train as the loop does; returns the losses of this process."""
    objective, wrapped = DINOObjective(model.options, VIT.patch_size), wrapped or model
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.02, momentum=0.9)
    steps, losses = BATCH // (micro * processes), []
    for iteration, (images, draws) in enumerate(batches(count, model.options)):
        total = 0.0
        for index in range(steps):
            start = (index * processes + rank) * micro
            part = {name: values[start : start + micro] for name, values in draws.items()}
            with accumulate(wrapped, last=index == steps - 1):
                loss = wrapped(*objective.inputs({"images": images[start : start + micro]}, part))[0]["crops"] / steps
                loss.backward()
            total += loss.item()
        objective.before_step(model, iteration / count)
        optimizer.step()
        optimizer.zero_grad()
        objective.after_step(model, (iteration + 1) / count)
        losses.append(total)
    return losses


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_same(one, other, tolerance):
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=tolerance, rtol=tolerance, msg=name)
