import pytest
import torch

from mimic_core.config.wiring.pretrain import deciding_settings
from mimic_core.kit.errors import MimicError
from mimic_core.objectives import OBJECTIVES, get_objective
from mimic_core.pretrain.schedule import clip_gradients, learning_rate, make_optimizer, schedule
from mimic_core.pretrain.settings import PretrainSettings


def test_round_trip(block):
    settings = PretrainSettings.from_dict(block)
    whole = settings.to_dict()
    assert {name: whole[name] for name in block if name not in ("encoder", "decoder")} == {
        name: value for name, value in block.items() if name not in ("encoder", "decoder")
    }
    assert whole["encoder"].items() >= block["encoder"].items()
    assert PretrainSettings.from_dict(settings.to_dict()) == settings
    assert settings.encoder.image_size == 32


def test_defaults_are_the_papers():
    settings = PretrainSettings.from_dict({"model": "croco", "dataset": "mimic-3m"})
    assert (settings.encoder.width, settings.encoder.depth, settings.encoder.heads) == (768, 12, 12)
    assert (settings.decoder.width, settings.decoder.depth, settings.decoder.heads) == (512, 8, 16)
    assert settings.effective_batch == 4 * 8 * settings.batch_size == 4096
    assert {name: get_objective(name).mask_ratio for name in OBJECTIVES} == {
        "mae": 0.75,
        "croco": 0.9,
        "dino": 0.0,
    }


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"epoch": 3}, "pretrain.epoch"),
        ({"encoder": {"widht": 16}}, "pretrain.encoder.widht"),
        ({"encoder": {"image_size": 16}}, "pretrain.encoder.image_size"),
        ({"epochs": 0}, "pretrain.epochs"),
        ({"epochs": "many"}, "pretrain.epochs"),
        ({"batch_size": 1.5}, "pretrain.batch_size"),
        ({"base_lr": 0}, "pretrain.base_lr"),
        ({"base_lr": "1e-4"}, "pretrain.base_lr"),
        ({"mask_ratio": 1.0}, "pretrain.mask_ratio"),
        ({"validation_share": 1}, "pretrain.validation_share"),
        ({"warmup_epochs": 4}, "pretrain.warmup_epochs"),
        ({"precision": "fp8"}, "pretrain.precision"),
        ({"effective_batch": 0}, "pretrain.effective_batch"),
        ({"keep_checkpoints": 0}, "pretrain.keep_checkpoints"),
        ({"pictures_every": -1}, "pretrain.pictures_every"),
        ({"save_encoders_at": [4]}, "pretrain.save_encoders_at"),
        ({"clip_gradient": 0}, "pretrain.clip_gradient"),
    ],
)
def test_impossible_settings_are_named(block, change, where):
    with pytest.raises(MimicError) as caught:
        PretrainSettings.from_dict({**block, **change})
    assert caught.value.where == where
    assert caught.value.remedy


def test_a_typo_is_answered(block):
    with pytest.raises(MimicError) as caught:
        PretrainSettings.from_dict({**block, "base_rl": 1})
    assert caught.value.remedy == "did you mean 'base_lr'?"


def test_unknown_objective():
    with pytest.raises(MimicError, match="'dinosaur'") as caught:
        get_objective("dinosaur")
    assert "croco" in caught.value.remedy


def test_learning_rate(block):
    settings = PretrainSettings.from_dict({**block, "base_lr": 1.5e-4, "epochs": 200, "warmup_epochs": 20})
    peak = 1.5e-4 * 4096 / 256
    assert learning_rate(0, settings, 4096) == 0
    assert learning_rate(10, settings, 4096) == pytest.approx(peak / 2)
    assert learning_rate(20, settings, 4096) == pytest.approx(peak)
    assert learning_rate(110, settings, 4096) == pytest.approx(peak / 2)
    assert learning_rate(200, settings, 4096) == pytest.approx(0, abs=1e-12)


def test_the_warm_up_may_begin_above_zero(block):
    changes = {"base_lr": 0.3, "epochs": 200, "warmup_epochs": 20, "warmup_start": 1 / 3}
    settings = PretrainSettings.from_dict({**block, **changes})
    assert [learning_rate(epoch, settings, 256) for epoch in (0, 10, 20)] == pytest.approx([0.1, 0.2, 0.3])


def test_an_objective_may_train_some_parameters_at_another_rate(block):
    changes = {"base_lr": 0.4, "epochs": 10, "warmup_epochs": 0, "weight_decay": 0.0, "weight_decay_end": 0.5}
    settings = PretrainSettings.from_dict({**block, **changes})
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    optimizer = make_optimizer(model, settings, lambda name: 0.1 if name.startswith("0.") else 1.0)
    schedule(optimizer, 0, settings, 256)
    found = {id(one): group for group in optimizer.param_groups for one in group["params"]}
    assert len(found) == 4, "every parameter is trained once"
    assert [found[id(one)]["lr"] for one in model.parameters()] == pytest.approx([0.04, 0.04, 0.4, 0.4])
    schedule(optimizer, 10, settings, 256)
    assert [found[id(one)]["weight_decay"] for one in model.parameters()] == pytest.approx([0.5, 0, 0.5, 0])


def test_keys_that_an_objective_does_not_read_are_refused_and_start_no_run_over(block, monkeypatch):
    monkeypatch.setattr(f"mimic_core.objectives.{block['model']}.UNUSED", ("encoder", "image_size"), raising=False)
    own = {name: value for name, value in block.items() if name not in ("encoder", "image_size")}
    settings = PretrainSettings.from_dict(own)
    assert not {"encoder", "image_size"} & settings.to_dict().keys()
    assert PretrainSettings.from_dict(settings.to_dict()) == settings
    with pytest.raises(MimicError, match="encoder") as caught:
        PretrainSettings.from_dict({**own, "encoder": block["encoder"]})
    assert caught.value.where == "pretrain.encoder"
    deciding = deciding_settings({"pretrain": {**block, "runs": {"one": {"epochs": 2}}}}, "one")
    assert not {"encoder", "image_size"} & deciding.keys()
    assert (deciding["epochs"], deciding["decoder"]) == (2, block["decoder"])


def test_dinos_schedule(block):
    changes = {"epochs": 100, "warmup_epochs": 10, "base_lr": 5e-4, "final_lr": 1e-6, "betas": [0.9, 0.999]}
    settings = PretrainSettings.from_dict({**block, **changes, "weight_decay": 0.04, "weight_decay_end": 0.4})
    optimizer = make_optimizer(torch.nn.Linear(3, 2), settings)
    seen = []
    for epoch in (0, 10, 50, 55, 100):
        schedule(optimizer, epoch, settings, 1024)
        seen.append([group["lr"] for group in optimizer.param_groups])
        seen[-1] += [group["weight_decay"] for group in optimizer.param_groups]
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    assert seen[0][:2] == [0, 0]
    assert seen[1][:2] == pytest.approx([2e-3] * 2)
    assert seen[3][:2] == pytest.approx([(2e-3 + 1e-6) / 2] * 2)
    assert seen[4][:2] == pytest.approx([1e-6] * 2)
    assert [row[2] for row in seen] == pytest.approx([0.04, 0.04 + 0.36 * 0.02447174, 0.22, 0.2481582, 0.4])
    assert {row[3] for row in seen} == {0}


@pytest.mark.parametrize("each", [False, True])
def test_gradients_are_clipped_together_or_each_by_itself(block, each):
    settings = PretrainSettings.from_dict({**block, "clip_gradient": 1.0, "clip_each": each})
    large, small = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    large.grad, small.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.6, 0.0])
    norm = clip_gradients([large, small, torch.nn.Parameter(torch.zeros(1))], settings)
    assert float(norm) == pytest.approx((25 + 0.36) ** 0.5)
    after = [float(parameter.grad.norm()) for parameter in (large, small)]
    assert after == pytest.approx([1.0, 0.6] if each else [5 / float(norm), 0.6 / float(norm)], rel=1e-4)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"betas": [0.9]}, "betas"),
        ({"betas": [0.9, 1]}, "betas"),
        ({"final_lr": -1}, "final_lr"),
        ({"weight_decay_end": float("nan")}, "weight_decay_end"),
        ({"clip_each": 1}, "clip_each"),
    ],
)
def test_the_optimizers_settings_are_checked(block, change, key):
    with pytest.raises(MimicError) as caught:
        PretrainSettings.from_dict({**block, **change})
    assert key in f"{caught.value.where} {caught.value.what}"


def test_no_weight_decay_on_biases_and_norms(block):
    settings = PretrainSettings.from_dict(block)
    model = get_objective("croco").build(settings)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    optimizer = make_optimizer(model, settings)
    decayed, plain = ({names[id(p)] for p in group["params"]} for group in optimizer.param_groups)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.05, 0.0]
    assert all("norm" in name or name.endswith("bias") for name in plain)
    assert not any("norm" in name or name.endswith("bias") for name in decayed)
    assert {"cls_token", "mask_token", "patch_embed.proj.weight"} <= decayed
    assert set(names.values()) - decayed - plain == {"pos_embed", "decoder_pos_embed"}
    assert optimizer.defaults["betas"] == (0.9, 0.95)


def test_an_encoder_by_name_takes_the_place_of_its_sizes(block):
    named = block | {"encoder": block["encoder"] | {"name": "vit_small"}}
    encoder = PretrainSettings.from_dict(named).encoder
    assert (encoder.width, encoder.depth, encoder.heads, encoder.patch_size) == (384, 12, 6, 8)
    with pytest.raises(MimicError, match="no encoder named 'vit_smal'") as caught:
        PretrainSettings.from_dict(block | {"encoder": {"name": "vit_smal"}})
    assert "did you mean 'vit_small'" in caught.value.remedy


@pytest.mark.parametrize("change", [{"class_token": False}, {"positions": "rope"}])
def test_encoders_that_no_objective_has_are_refused(block, change):
    with pytest.raises(MimicError, match="encoder is") as caught:
        PretrainSettings.from_dict(block | {"encoder": block["encoder"] | change})
    assert caught.value.where == "pretrain.encoder"


@pytest.mark.parametrize(
    ("model", "options", "where"),
    [
        ("mae", {"matched_share": 0.5}, "matched_share"),
        ("croco", {"matched_share": 1.5}, "matched_share"),
        ("croco", {"prototypes": 5}, "prototypes"),
        ("dino", {"prototype": 5}, "prototype"),
        ("dino", {"prototypes": 0}, "prototypes"),
    ],
)
def test_options_that_an_objective_does_not_have_are_named(block, model, options, where):
    settings = PretrainSettings.from_dict(block | {"model": model, "options": options})
    with pytest.raises(MimicError) as caught:
        get_objective(model).configured(settings)
    assert caught.value.where == f"pretrain.options.{where}"
