"""The runner's parameter groups and learning rates are those of the dense tasks."""

import dataclasses

import pytest
import torch
from torch import nn

from mimic_core.finetune.model import DenseModel, Scale, build_head, evenly_spaced
from mimic_core.finetune.openmmlab import require_openmmlab
from mimic_core.finetune.optimizer import build_optimizer, learning_rate
from mimic_core.finetune.settings import DenseSettings, HeadSettings

require_openmmlab()
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS  # noqa: E402

from mimic_core.finetune.openmmlab.backbone import MimicBackbone  # noqa: E402
from mimic_core.finetune.openmmlab.optimizer import MimicCosineLR, MimicLayerDecay  # noqa: E402

TINY = {"image_size": 32, "patch_size": 16, "width": 16, "depth": 4, "heads": 2, "positions": "learned"}
SETTINGS = DenseSettings(
    task="depth",
    mode="whole",
    encoder="random",
    learning_rate=0.01,
    layer_decay=0.7,
    weight_decay=0.05,
    epochs=5,
    warmup_epochs=2,
)


class Segmentor(nn.Module):
    """A backbone and a head, named as everywhere in OpenMMLab."""

    def __init__(self, backbone: MimicBackbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.decode_head = backbone, head


def wrapper(model: nn.Module):
    optimizer = {"type": "AdamW", "lr": SETTINGS.learning_rate, "weight_decay": SETTINGS.weight_decay}
    options = {"optim_wrapper_cfg": {"optimizer": optimizer}, "paramwise_cfg": {"layer_decay": SETTINGS.layer_decay}}
    return OPTIM_WRAPPER_CONSTRUCTORS.build({"type": MimicLayerDecay, **options})(model)


def by_parameter(groups, rate: str) -> dict[int, tuple[float, float]]:
    return {
        id(parameter): (pytest.approx(group[rate]), group["weight_decay"])
        for group in groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("frozen", [False, True])
def test_the_groups_are_those_of_the_dense_tasks(frozen):
    backbone = MimicBackbone(architecture=TINY, frozen=frozen)
    head = build_head(HeadSettings(4, (4, 4, 4, 4)), 16, 1, 0)
    dense = DenseModel(backbone.encoder, head, evenly_spaced(4), Scale(0, 1), frozen=frozen, bf16=False)
    ours = by_parameter(build_optimizer(dense, SETTINGS).param_groups, "lr_scale")
    theirs = by_parameter(wrapper(Segmentor(backbone, head)).optimizer.param_groups, "lr_scale")
    assert len(ours) > 20 and ours == theirs


def test_a_groups_rate_is_its_share_of_the_heads():
    groups = wrapper(Segmentor(MimicBackbone(architecture=TINY), nn.Linear(2, 2))).optimizer.param_groups
    assert all(group["lr"] == pytest.approx(SETTINGS.learning_rate * group["lr_scale"]) for group in groups)
    assert min(group["lr_scale"] for group in groups) == pytest.approx(0.7**5)
    assert max(group["lr_scale"] for group in groups) == 1


@pytest.mark.parametrize(("length", "warmup"), [(3, 2), (1, 1), (4, 0), (5, 0.5)])
def test_the_schedule_is_that_of_the_dense_tasks(length, warmup):
    settings = dataclasses.replace(SETTINGS, warmup_epochs=warmup)
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": settings.learning_rate * scale} for scale in (1, 0.7)]
    optimizer = torch.optim.SGD(groups)
    schedule = {"rate": settings.learning_rate, "epochs": settings.epochs, "warmup_epochs": warmup}
    scheduler = PARAM_SCHEDULERS.get("MimicCosineLR").build_iter_from_epoch(
        optimizer, by_epoch=True, epoch_length=length, **schedule
    )
    assert isinstance(scheduler, MimicCosineLR)
    for step in range(length * settings.epochs):
        expected = learning_rate(
            step / length, peak=settings.learning_rate, epochs=settings.epochs, warmup_epochs=warmup
        )
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([expected, 0.7 * expected])
        optimizer.step()
        scheduler.step()
