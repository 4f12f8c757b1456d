"""DINO: its formulas against written-out ones, and its independence of how a batch is divided."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from unit.pretrain.dino_runs import EPOCHS, VIT, assert_same, batches, make_model, state, train

from mimic_core.kit.errors import MimicError
from mimic_core.models.settings import ViTSettings
from mimic_core.models.weights import load_pretrained, save_encoder
from mimic_core.objectives import get_objective
from mimic_core.objectives.dino.model import DINO, DINOSettings, dino_loss
from mimic_core.objectives.dino.objective import DINOObjective
from mimic_core.pretrain.settings import PretrainSettings


def inputs(model, seed=0):
    """Random crops, as the objective would make them."""
    generator = torch.Generator().manual_seed(seed)
    crops = torch.randn(4, 2, 3, 32, 32, generator=generator)
    return crops, torch.randn(4, model.options.local_crops, 3, 16, 16, generator=generator)


def test_defaults_are_the_papers():
    options = DINOSettings()
    assert (options.prototypes, options.hidden, options.bottleneck, options.local_crops) == (65536, 2048, 256, 8)
    assert (options.student_temperature, options.teacher_temperature_start) == (0.1, 0.04)
    assert (options.center_momentum, options.teacher_momentum) == (0.9, 0.996)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prototypes", 0),
        ("hidden", 1.5),
        ("local_crops", -1),
        ("local_crops", True),
        ("student_temperature", 0),
        ("teacher_warmup_epochs", -1),
        ("teacher_momentum", 1.5),
        ("center_momentum", None),
        ("teacher_temperature", math.nan),
    ],
)
def test_impossible_options_are_named(name, value):
    with pytest.raises(MimicError) as caught:
        DINOSettings(**{name: value})
    assert caught.value.where == f"pretrain.options.{name}"


def test_the_config_reaches_model_and_draws():
    settings = PretrainSettings.from_dict(
        {
            "model": "dino",
            "dataset": "x",
            "image_size": 32,
            "encoder": {"width": 16, "depth": 1, "heads": 2, "patch_size": 8},
            "options": {"prototypes": 32, "hidden": 24, "bottleneck": 8, "local_crops": 3},
        }
    )
    objective = get_objective("dino").configured(settings)
    model = objective.build(settings)
    assert model.student.head.prototypes.shape == (32, 8)
    assert model.epochs == settings.epochs
    draws = objective.draws(np.random.default_rng(0), 4, 16)
    assert {values.shape[:2] for values in draws.values()} == {(4, 5)}
    images = torch.zeros(4, 32, 32, 3, dtype=torch.uint8)
    crops = objective.inputs({"images": images}, {name: torch.from_numpy(values) for name, values in draws.items()})
    assert [tuple(part.shape) for part in crops] == [(4, 2, 3, 32, 32), (4, 3, 3, 16, 16)]


def test_blur_grey_and_solarise_are_drawn_as_in_the_paper():
    draws = DINOObjective().draws(np.random.default_rng(0), 4000, 0)
    blurred, solarised = (draws["sigmas"] > 0).mean(axis=0), draws["solarise"].mean(axis=0)
    np.testing.assert_allclose(blurred, [1.0, 0.1, *[0.5] * 8], atol=0.03)
    np.testing.assert_allclose(solarised, [0.0, 0.2, *[0.0] * 8], atol=0.03)
    assert draws["grey"].mean() == pytest.approx(0.2, abs=0.01)
    assert draws["flips"].mean() == pytest.approx(0.5, abs=0.01)
    area = draws["boxes"][..., 2] * draws["boxes"][..., 3]
    assert area[:, :2].min() >= 0.4 - 1e-6
    assert 0.05 - 1e-6 <= area[:, 2:].min() <= area[:, 2:].max() <= 0.4 + 1e-6


def test_validation_crops_are_the_same_every_time():
    objective = get_objective("dino")
    first, second = (objective.fixed_draws(np.random.default_rng(3), 4, 16) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert list(objective.validation_requests(np.arange(4), np.arange(2))) == ["val_loss"]
    model = make_model(DINOSettings(prototypes=32, hidden=24, bottleneck=8)).eval()
    images, _ = next(batches())
    draws = {name: torch.from_numpy(values) for name, values in first.items()}
    with torch.no_grad():
        losses = {
            model(*DINOObjective(patch_size=8).inputs({"images": images[:4]}, draws))[0]["crops"].item()
            for _ in range(2)
        }
    assert len(losses) == 1
    assert model.sums is None  # the centre learns nothing of validation


def test_the_loss_is_the_mean_over_pairs_of_different_crops():
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(5, 3, 7, generator=generator), torch.randn(2, 3, 7, generator=generator)
    center = torch.randn(7, generator=generator)
    wanted = []
    for of_teacher in range(2):
        target = ((teacher[of_teacher] - center) / 0.04).softmax(-1)
        for of_student in range(5):
            if of_student != of_teacher:
                logs = (student[of_student] / 0.1).log_softmax(-1)
                wanted.append(-(target * logs).sum(-1).mean())
    assert len(wanted) == 8
    found = dino_loss(student, teacher, center, (0.1, torch.tensor(0.04)))
    torch.testing.assert_close(found, torch.stack(wanted).mean())


def test_the_head_compares_directions():
    head = make_model().student.head
    tokens = torch.randn(4, VIT.width, generator=torch.Generator().manual_seed(0))
    cosines = head(tokens)
    assert cosines.abs().max() <= 1 + 1e-6
    with torch.no_grad():
        head.prototypes *= 3
    torch.testing.assert_close(head(tokens), cosines)
    with torch.autocast("cpu", torch.bfloat16):
        assert head(tokens).dtype == torch.float32


def test_local_crops_may_be_missing_or_of_another_size():
    model = make_model()
    crops, local = inputs(model)
    losses = [model(crops, part)[0]["crops"].item() for part in (local, local[:, :0], torch.zeros(4, 1, 3, 8, 24))]
    assert np.isfinite(losses).all()
    assert len(set(losses)) == 3


def test_teacher_starts_as_the_student_and_gets_no_gradients():
    model = make_model()
    assert_same(model.student.state_dict(), model.teacher.state_dict(), 0)
    model(*inputs(model))[0]["crops"].backward()
    assert all(parameter.grad is None for parameter in model.teacher.parameters())
    trained = [parameter for parameter in model.student.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in trained)


def test_teacher_is_a_moving_average():
    model = make_model()
    before = state(model.teacher)
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(1)
    model.after_step(0.5)
    model.after_step(1.0)
    later = 1 - 0.004 * (1 + math.cos(math.pi * 0.5)) / 2
    for name, value in model.student.state_dict().items():
        wanted = 0.996 * before[name] + 0.004 * value
        wanted = later * wanted + (1 - later) * value
        torch.testing.assert_close(model.teacher.state_dict()[name], wanted)
    assert model.momentum().item() == 1.0


def test_teacher_temperature_rises():
    model = make_model(epochs=8)  # warm-up of 2 epochs
    found = []
    for done in (0.0, 0.125, 0.25, 0.9):
        model.after_step(done)
        found.append(model.temperature().item())
    assert found == pytest.approx([0.04, 0.055, 0.07, 0.07])
    assert make_model(DINOSettings(32, 24, 8, teacher_warmup_epochs=0)).temperature().item() == pytest.approx(0.07)


def test_center_follows_the_mean_of_the_batch():
    model = make_model()
    center = torch.linspace(-1, 1, 32)
    model.center.copy_(center)
    outputs = []
    for seed in range(3):  # three micro-batches of a step
        crops, local = inputs(model, seed)
        model(crops, local)
        outputs.append(model.teacher(crops.flatten(0, 1)))
    model.after_step(0.1)
    torch.testing.assert_close(model.center, 0.9 * center + 0.1 * torch.cat(outputs).mean(dim=0))
    moved = model.center.clone()
    model.after_step(0.2)
    assert torch.equal(model.center, moved)


def test_prototypes_are_frozen_in_the_first_epoch():
    model = make_model(epochs=4)
    prototypes = model.student.head.prototypes
    for done, frozen in ((0.0, True), (0.24, True), (0.25, False)):
        model(*inputs(model))[0]["crops"].backward()
        model.before_step(done)
        assert (prototypes.grad is None) == frozen
        assert model.student.head.mlp[0].weight.grad is not None


def stripes(count):
    """Images of two colours and a direction of their own, which any crop tells."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    angles, frequencies = rng.uniform(0, np.pi, count), rng.uniform(0.3, 1.5, count)
    colours = rng.integers(0, 256, (count, 2, 3), dtype=np.uint8)
    first = [np.sin(f * (np.cos(a) * x + np.sin(a) * y)) > 0 for a, f in zip(angles, frequencies, strict=True)]
    painted = np.where(np.array(first)[..., None], colours[:, 0, None, None], colours[:, 1, None, None])
    return torch.from_numpy(painted)


def test_loss_falls_and_images_stay_apart():
    options = DINOSettings(64, 64, 16, 2, 0.1, 0.02, 0.02, teacher_momentum=0.99, frozen_epochs=0)
    model = DINO(ViTSettings(32, 8, 32, 2, 2, 2), options, EPOCHS)
    model.initialise(0)
    objective, images, rng = DINOObjective(options, 8), stripes(32), np.random.default_rng(0)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    losses = []
    for step in range(160):
        optimizer.param_groups[0]["lr"] = 2e-4 * min(1, step / 40)
        draws = {name: torch.from_numpy(values) for name, values in objective.draws(rng, 32, 16).items()}
        crops = objective.inputs({"images": images}, draws)
        loss = model(*crops)[0]["crops"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.after_step(0.0)
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])
    with torch.no_grad():
        first, second = ((model.teacher(crops[0][:, view]) - model.center) / 0.02 for view in (0, 1))
    agreement = -(first.softmax(1) @ second.log_softmax(1).T)
    others = ~torch.eye(32, dtype=torch.bool)
    assert agreement.diagonal().mean() < 0.6 * agreement[others].mean()


@pytest.mark.parametrize("micro", [4, 2, 1])
def test_the_effective_batch_counts_however_it_is_accumulated(micro):
    whole, parts = make_model(), make_model()
    losses = train(whole)
    assert train(parts, micro=micro) == pytest.approx(losses, abs=1e-5)
    assert_same(state(parts), state(whole), 1e-5)
    assert not torch.allclose(whole.center, make_model().center)
    assert not torch.allclose(whole.student.head.prototypes, make_model().student.head.prototypes)


def test_same_seed_same_model():
    first, second, other = make_model(), make_model(), make_model(seed=1)
    assert train(first) == train(second)
    assert_same(state(first), state(second), 0)
    assert not torch.equal(other.student.head.prototypes, make_model().student.head.prototypes)


def test_a_checkpoint_holds_all_that_goes_on():
    model, other = make_model(), make_model(seed=1)
    train(model)
    other.load_state_dict(model.state_dict())
    assert other.done.item() == 1.0
    losses = [one(*inputs(one))[0]["crops"] for one in (model, other)]
    assert torch.equal(*losses)
    for one, loss in zip((model, other), losses, strict=True):
        loss.backward()
        one.after_step(1.0)
    assert_same(state(model), state(other), 0)


def test_the_encoder_is_the_teachers_backbone(tmp_path):
    model = make_model()
    train(model)
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, model.encoder(), {"model": "dino"})
    encoder = load_pretrained(path)
    images = inputs(model)[0][:, 0]
    with torch.no_grad():
        assert torch.equal(encoder(images), model.teacher.backbone(images))
        assert not torch.equal(encoder(images), model.student.backbone(images))
    assert isinstance(encoder, nn.Module)
