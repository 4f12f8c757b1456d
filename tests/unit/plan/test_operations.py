"""The closed forms against what torch counts on the models."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mimic_core.kit.seeding import generator
from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.models.dpt import DPTHead
from mimic_core.objectives import OBJECTIVES
from mimic_core.plan import operations
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.pretrain.speed import training_flops

ENCODER, DECODER = ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3)


@pytest.mark.parametrize(("name", "mask_ratio"), [("mae", 0.75), ("croco", 0.9), ("dino", 0.0)])
def test_a_pretraining_sample_has_the_operations_that_torch_counts(name, mask_ratio):
    objective = OBJECTIVES[name]
    model = objective.build(PretrainSettings(name, "random", ENCODER, DECODER))
    rng = generator(0, "test")
    draws = objective.draws(rng, 1, ENCODER.grid**2)
    views = objective.request(np.arange(1), draws).views.shape[1]
    images = torch.zeros((1, views, 112, 112, 3), dtype=torch.uint8)
    on = {key: torch.from_numpy(value) for key, value in draws.items()}
    counted = training_flops(model, objective.inputs(images, on))
    found = operations.pretraining(name, ENCODER, DECODER, mask_ratio)
    if name == "dino":  # torch's count has the teacher go backward as well
        found += 2 * 2 * (operations.encoder(ENCODER) + operations.dino_head(ENCODER.width))
    assert found == pytest.approx(counted, rel=0.06)


@pytest.mark.parametrize(("dims", "feature", "grid"), [((96, 192, 384, 768), 32, 4), ((16, 16, 16, 16), 16, 6)])
def test_the_dpt_head_has_the_operations_that_torch_counts(dims, feature, grid):
    head = DPTHead(192, 1, dims, feature).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        head([torch.zeros(1, grid * grid, 192)] * 4, (grid, grid))
    assert operations.dpt_head(grid, 192, dims, feature) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_croco_of_the_paper_takes_about_156_gflop_a_pair():
    assert operations.pretraining("croco", ViTSettings(), DecoderSettings(), 0.9) == pytest.approx(156e9, rel=0.05)
