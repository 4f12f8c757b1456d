"""Settings: what is refused, and the schedule and parameter groups that they decide."""

import dataclasses

import pytest

from mimic_core.finetune.model import DenseModel, Scale, build_head, evenly_spaced
from mimic_core.finetune.optimizer import build_optimizer, layer_of, learning_rate, set_learning_rate
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"learning_rat": 1}, "finetune.learning_rat"),
        ({"head": {"featur": 8}}, "finetune.head.featur"),
        ({"architecture": {"widht": 8}}, "finetune.architecture.widht"),
        ({"mode": "melted"}, "finetune.mode"),
        ({"precision": "fp8"}, "finetune.precision"),
        ({"seeds": []}, "finetune.seeds"),
        ({"seeds": [1, 1]}, "finetune.seeds"),
        ({"batch_size": 0}, "finetune.batch_size"),
        ({"learning_rate": 0}, "finetune.learning_rate"),
        ({"layer_decay": 1.5}, "finetune.layer_decay"),
        ({"drop_path": 1.0}, "finetune.drop_path"),
        ({"warmup_epochs": 2}, "finetune.warmup_epochs"),
        ({"betas": [0.9]}, "finetune.betas"),
        ({"splits": {"tran": "a.csv"}}, "finetune.splits.tran"),
        ({"splits": {"train": 3}}, "finetune.splits.train"),
        ({"limits": {"val": 0}}, "finetune.limits.val"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(make_settings, changes, where):
    with pytest.raises(MimicError) as caught:
        make_settings(**changes)
    assert caught.value.where == where and caught.value.remedy


def test_a_missing_key_is_named(make_settings):
    with pytest.raises(MimicError, match="'encoder' is missing"):
        type(make_settings()).from_dict({"task": "depth", "mode": "frozen"})


def build_model(settings, frozen: bool) -> DenseModel:
    encoder = build_encoder(settings.architecture, 0)
    head = build_head(settings.head, encoder.width, 1, 0)
    return DenseModel(encoder, head, evenly_spaced(encoder.depth), Scale(0, 1), frozen=frozen, bf16=False)


def test_deeper_layers_learn_faster(make_settings):
    settings = make_settings(mode="whole", weight_decay=0.05)
    model = build_model(settings, frozen=False)
    groups = build_optimizer(model, settings).param_groups
    scale = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(scale) == len(learning) == sum(len(group["params"]) for group in groups)
    expected = {
        "head.head.0.weight": 1.0,
        "encoder.blocks.3.attn.qkv.weight": 0.75,
        "encoder.blocks.0.mlp.fc1.bias": 0.75**4,
        "encoder.patch_embed.proj.weight": 0.75**5,
        "encoder.cls_token": 0.75**5,
    }
    assert {name: scale[id(learning[name])] for name in expected} == pytest.approx(expected)
    for name, parameter in learning.items():
        still = parameter.ndim == 1 or name == "encoder.cls_token"
        assert decay[id(parameter)] == (0.0 if still else 0.05), name


def test_a_frozen_encoder_is_in_no_group(make_settings):
    model = build_model(make_settings(), frozen=True)
    learning = {
        id(parameter) for group in build_optimizer(model, make_settings()).param_groups for parameter in group["params"]
    }
    assert learning == {id(parameter) for parameter in model.head.parameters()}


def test_layers_are_told_by_name():
    names = ("cls_token", "patch_embed.proj.weight", "blocks.0.norm1.weight", "blocks.11.mlp.fc2.bias", "norm.weight")
    for start in ("encoder", "backbone.encoder"):
        assert [layer_of(f"{start}.{name}", 12) for name in names] == [0, 0, 1, 12, 13]
    assert [layer_of(name, 12) for name in ("head.blocks.0.weight", "decode_head.head.norm.bias")] == [13, 13]


def test_the_schedule_warms_up_and_falls_to_zero(make_settings):
    settings = dataclasses.replace(make_settings(), epochs=10, warmup_epochs=2, learning_rate=1e-3)
    schedule = {"peak": settings.learning_rate, "epochs": settings.epochs, "warmup_epochs": settings.warmup_epochs}
    assert learning_rate(0, **schedule) == pytest.approx(1e-6)
    assert learning_rate(2, **schedule) == pytest.approx(1e-3)
    assert learning_rate(6, **schedule) == pytest.approx(5e-4)
    assert learning_rate(10, **schedule) == pytest.approx(0, abs=1e-12)
    optimizer = build_optimizer(build_model(settings, frozen=False), settings)
    set_learning_rate(optimizer, 1e-3)
    assert {round(group["lr"] / 1e-3 / group["lr_scale"], 6) for group in optimizer.param_groups} == {1.0}


def test_hooks_are_evenly_spaced_up_to_the_last_block():
    assert evenly_spaced(12) == [2, 5, 8, 11]
    assert evenly_spaced(4) == [0, 1, 2, 3]
    assert evenly_spaced(6)[-1] == 5 and evenly_spaced(2) == [0, 0, 1, 1]
