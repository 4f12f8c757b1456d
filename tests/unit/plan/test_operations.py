"""The closed forms against what torch counts on the models, and the counts that speeds are carried over by."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mimic_core.finetune import SETTINGS, TASKS
from mimic_core.models import DecoderSettings, Encoder, ViTSettings
from mimic_core.models.convnext import ConvNeXtHead
from mimic_core.models.dpt import DPTHead
from mimic_core.models.operations import dpt_head
from mimic_core.plan import operations
from mimic_core.plan.costs import read_costs
from mimic_core.plan.finetuning import finetune_terms
from mimic_core.plan.jobs import Job
from mimic_core.plan.models import Model, read_model, run_model
from mimic_core.plan.speeds import pretrain_speed

ENCODER, DECODER = ViTSettings(112, 16, 192, 4, 3), DecoderSettings(96, 2, 3)


def test_an_encoder_has_the_operations_that_torch_counts():
    encoder = Encoder(ENCODER).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        encoder(torch.empty(1, 3, 112, 112, device="meta"))
    assert operations.encoder(ENCODER) == pytest.approx(counter.get_total_flops(), rel=1e-6)


@pytest.mark.parametrize(("dims", "feature", "grid"), [((96, 192, 384, 768), 32, 4), ((16, 16, 16, 16), 16, 6)])
def test_the_dpt_head_has_the_operations_that_torch_counts(dims, feature, grid):
    head = DPTHead(192, 1, dims, feature).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        head([torch.zeros(1, grid * grid, 192)] * 4, (grid, grid))
    assert dpt_head(grid, 192, dims, feature) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_the_options_of_a_run_count():
    shared = {"image_size": 112, "encoder": {"width": 192, "depth": 4, "heads": 3}, "decoder": {}, "epochs": 3}
    runs = {
        "usual": {"model": "dino", "dataset": "a"},
        "few": {"model": "dino", "dataset": "a", "epochs": 5, "options": {"prototypes": 1024, "local_crops": 8}},
    }
    usual, few = (run_model({"pretrain": {**shared, "runs": runs}}, name) for name in runs)
    assert (few.epochs, few.epoch_of) == (5, "a")
    assert usual.cost.model - few.cost.model == 2 * (65536 - 1024) * 256 + 65536 - 1024, "of student and teacher"
    teacher, student = 2, 2 + 8
    fewer = 2 * 256 * (65536 - 1024) * (teacher + 3 * student)
    assert few.operations == usual.operations - 2 * fewer, "of the two images of a pair"


def test_hashing_test_images_trains_nothing():
    config = {"finetune": {"tasks": {"depth": {"origin": "sample"}}}, "sample": {"depth_images": {"test": 20}}}
    job = Job(1, "test_hashes", "finetune", {"task": "depth"})
    [term] = finetune_terms(job, config, read_costs())[1]
    assert (term.count, term.cost.name, term.source) == (20, "finetune.image", "config, sample")


def test_a_speed_is_carried_over_by_operations_and_from_another_objective_where_it_must():
    costs = read_costs()
    base = Model("croco", ViTSettings(), DecoderSettings())
    assert pretrain_speed(base, costs, "gpu").value == 66
    other = Model("mae", ViTSettings(), DecoderSettings())
    found = pretrain_speed(other, costs, "gpu")
    assert found.value == pytest.approx(66 * base.operations / other.operations)
    assert found.basis == "derived" and "66 pairs/s of croco at size vit_base" in found.source
    small = read_model({"model": "mae", "encoder": {"width": 192, "depth": 4, "heads": 3}, "decoder": {}})
    assert "of mae at size" in pretrain_speed(small, costs, "cpu").source


def test_the_convnext_head_has_the_operations_that_torch_counts():
    settings = SETTINGS["segmentation"].from_dict(
        {"task": "segmentation", "mode": "frozen", "encoder": "random"}
        | {"head": {"width": 64, "predictions": 4, "depth": 2}}
    )
    head = ConvNeXtHead(24, 150, 64, 4, 2).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        head(torch.zeros(1, 16, 24), (4, 4))
    found = TASKS["segmentation"].head_operations(settings, 16, 24)
    assert found == pytest.approx(counter.get_total_flops(), rel=0.02)
