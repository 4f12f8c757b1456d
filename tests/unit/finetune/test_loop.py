"""The loop: frozen is frozen, features are computed once, training learns, and seeds decide everything."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from mimic_core.finetune import loop, protocols
from mimic_core.finetune.augment import augment, augment_whole, centre_crop
from mimic_core.finetune.data import Samples
from mimic_core.finetune.data.dense import DenseData, TrainingImages, concatenate
from mimic_core.finetune.loop import DenseTrainer, encode, evaluate, predict
from mimic_core.finetune.model import DenseModel, Scale, build_head, evenly_spaced
from mimic_core.finetune.tasks import get_task
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder


def prepare(settings, root, frozen: bool) -> tuple[DenseModel, DenseTrainer]:
    task = get_task(settings.task)
    split = task.open(root, "train", settings.splits)
    data = DenseData(task, settings)
    samples = data.training(split, range(len(split)))
    encoder = build_encoder(settings.architecture, 0, drop_path=settings.drop_path)
    head = build_head(settings.head, encoder.width, task.channels, 0)
    scale, bf16 = Scale.over(samples.chunks()), settings.precision == "bf16"
    model = DenseModel(encoder, head, evenly_spaced(encoder.depth), scale, frozen=frozen, bf16=bf16)
    seen = (data.plain(part).images for part in samples.chunks())
    features = encode(model, seen) if frozen and not settings.augment else None
    return model, DenseTrainer(model, task, samples, settings, 0, features)


def content(module: torch.nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("augmented", [False, True])
def test_a_frozen_encoder_keeps_every_byte(make_settings, nyuv2, augmented):
    model, trainer = prepare(make_settings(weight_decay=0.1, drop_path=0.5, augment=augmented), nyuv2, frozen=True)
    before, head = content(model.encoder), content(model.head)
    trainer.run()
    assert content(model.encoder) == before
    assert content(model.head) != head
    assert not model.train().encoder.training and model.head.training


def test_a_whole_encoder_learns_in_every_layer(make_settings, nyuv2):
    model, trainer = prepare(make_settings(mode="whole"), nyuv2, frozen=False)
    before = content(model.encoder)
    trainer.run()
    after = content(model.encoder)
    # pos_embed is fixed; the last norm comes after the hooked blocks
    assert {name for name in before if before[name] == after[name]} <= {"pos_embed", "norm.weight", "norm.bias"}


def test_a_frozen_encoder_sees_every_image_once(make_settings, nyuv2, monkeypatch):
    model, trainer = prepare(make_settings(epochs=3), nyuv2, frozen=True)
    seen: list[int] = []
    monkeypatch.setattr(model, "features", lambda images, real=model.features: seen.append(len(images)) or real(images))
    trainer.run()
    assert seen == []
    predict([model, model], trainer.samples.samples.images)
    assert sum(seen) == len(trainer.samples)


def test_cached_features_change_nothing(make_settings, nyuv2):
    settings = make_settings(epochs=1)
    cached, with_cache = prepare(settings, nyuv2, frozen=True)
    fresh, without = prepare(settings, nyuv2, frozen=True)
    without.features = None
    assert with_cache.run()[0][1] == pytest.approx(without.run()[0][1], rel=1e-4)
    images = without.samples.samples.images
    np.testing.assert_allclose(predict([cached], images)[0], predict([fresh], images)[0], atol=1e-3)


@pytest.mark.parametrize(("task", "mode"), [("depth", "frozen"), ("normals", "whole")])
def test_a_few_images_are_learnt(make_settings, datasets, task, mode):
    settings = make_settings(task=task, mode=mode, epochs=40, learning_rate=5e-3)
    model, trainer = prepare(settings, datasets[task], frozen=mode == "frozen")
    samples = trainer.samples.samples
    before = evaluate([model], trainer.task, [samples])[0][trainer.task.metric].mean()
    curve = trainer.run()
    after = evaluate([model], trainer.task, [samples])[0][trainer.task.metric].mean()
    assert [epoch for epoch, _ in curve] == list(range(1, 41))
    assert curve[-1][1] < 0.4 * curve[0][1]
    assert after > 90 > before if task == "depth" else after < 0.5 * before


@pytest.mark.parametrize("changes", [{}, {"mode": "whole", "augment": True, "drop_path": 0.3, "precision": "bf16"}])
def test_same_seed_same_numbers(make_settings, nyuv2, changes):
    settings = make_settings(**changes)
    runs = [prepare(settings, nyuv2, frozen=settings.mode == "frozen") for _ in range(2)]
    torch.manual_seed(1)
    first = runs[0][1].run()
    torch.manual_seed(2)  # the global generator decides nothing
    assert runs[1][1].run() == first
    assert content(runs[0][0]) == content(runs[1][0])
    other = prepare(settings, nyuv2, frozen=settings.mode == "frozen")[1]
    other.seed = 1
    assert other.run() != first


def test_models_of_one_encoder_share_its_pass(make_settings, nyuv2):
    model, trainer = prepare(make_settings(), nyuv2, frozen=True)
    twin = DenseModel(
        model.encoder, build_head(make_settings().head, 16, 1, 9), model.hooks, model.scale, frozen=True, bf16=False
    )
    images = trainer.samples.samples.images
    together, alone = predict([model, twin], images), [predict([each], images)[0] for each in (model, twin)]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (together[0] != together[1]).any()


def test_bf16_stays_near_fp32(make_settings, nyuv2):
    coarse, trainer = prepare(make_settings(precision="bf16"), nyuv2, frozen=True)
    fine, _ = prepare(make_settings(), nyuv2, frozen=True)
    assert trainer.features[0].dtype == torch.bfloat16
    images = trainer.samples.samples.images
    assert np.abs(predict([coarse], images)[0] - predict([fine], images)[0]).max() < 0.1


def test_patches_of_another_size_give_labels_of_the_images_size(make_settings, nyuv2):
    small = make_settings(architecture=dict(make_settings().architecture, patch_size=8))
    model, trainer = prepare(small, nyuv2, frozen=True)
    assert predict([model], trainer.samples.samples.images)[0].shape == (8, 1, 32, 32)


def test_augmentation_keeps_labels_on_their_pixels():
    rng = np.random.default_rng(0)
    depth = np.tile(np.linspace(1, 4, 64, dtype=np.float32), (2, 1, 64, 1))
    images = np.repeat((60 * depth[:, 0])[..., None], 3, axis=3).round().astype(np.uint8)
    valid = np.ones((2, 64, 64), bool)
    seen = augment(Samples(images, depth, valid), rng, zoomable=False)
    assert seen.images.shape == images.shape and seen.target.shape == depth.shape and seen.valid.all()
    for image, label in zip(seen.images, seen.target[:, 0], strict=True):
        assert np.corrcoef(image.mean(axis=2).ravel(), label.ravel())[0, 1] > 0.99
        assert label.min() >= 1 and label.max() <= 4 and label.max() - label.min() < 3.01
    assert (images == np.repeat((60 * depth[:, 0])[..., None], 3, axis=3).round()).all()  # the input is untouched


def test_a_zoomed_image_shows_everything_nearer():
    flat = Samples(
        np.full((20, 32, 32, 3), 90, np.uint8), np.full((20, 1, 32, 32), 2, np.float32), np.ones((20, 32, 32), bool)
    )
    seen = augment(flat, np.random.default_rng(3), zoomable=True).target.reshape(20, -1)
    assert (seen.min(axis=1) == seen.max(axis=1)).all()
    assert seen.min() >= 1.5 and seen.max() <= 2 and seen.min() < 1.7 < 1.9 < seen.max()


def test_whole_images_are_cut_in_the_middle_for_tests_and_at_random_for_training(make_settings, nyuv2):
    settings = make_settings(protocol="multimae", augment=True, batch_size=3)
    _, trainer = prepare(settings, nyuv2, frozen=True)
    held = trainer.samples.samples
    assert held.images.shape == (8, 32, 43, 3)  # 36 x 48, the shorter side at 32
    batches = list(trainer.prefetch_batches())
    assert len(batches) == settings.epochs * 2  # eight images make two batches of three: the rest is left out
    assert {batch.samples.images.shape for batch in batches} == {(3, 32, 32, 3)}
    plain = centre_crop(held, 32)
    np.testing.assert_array_equal(plain.images, held.images[:, :, 5:37])
    np.testing.assert_array_equal(plain.target, held.target[..., 5:37])
    assert len(trainer.run()) == settings.epochs


def test_a_mirror_turns_normals(taskonomy, make_settings):
    samples = get_task("normals").open(taskonomy, "train", {}).load([0], 32, whole=True)
    seen = [augment_whole(samples, np.random.default_rng(seed), 32, get_task("normals").mirrored) for seed in range(8)]
    # in the set normals point to the right, x from 0.5 up
    pointing = {bool((one.target[0, 0][one.valid[0]] > 0.5).all()) for one in seen}
    assert pointing == {True, False}
    for one in seen:
        x, y, z = (2 * one.target[0] - 1)[:, one.valid[0]]
        np.testing.assert_allclose(x**2 + y**2 + z**2, 1, atol=0.03)


def test_images_that_do_not_fit_are_read_again_and_give_the_same(make_settings, nyuv2):
    split = get_task("depth").open(nyuv2, "train", {})
    reads: list[int] = []

    def read(rows):
        reads.extend(rows)
        return split.load(rows, 32)

    held, streamed = TrainingImages(read, range(8)), TrainingImages(read, range(8), threads=2, held=0)
    assert held.samples is not None and streamed.samples is None
    reads.clear()
    rows = np.array([5, 0, 7])
    for one, other in zip(vars(held.get(rows)).values(), vars(streamed.get(rows)).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(reads) == [0, 5, 7]
    assert Scale.over(streamed.chunks()) == Scale.over(held.chunks())


@pytest.mark.parametrize("held", [0, 2**30])
def test_images_of_several_shapes_are_refused_whether_held_or_not(held):
    def read(rows):
        width = 48 if rows[0] < 32 else 40
        return Samples(
            np.zeros((len(rows), 32, width, 3), np.uint8),
            np.zeros((len(rows), 1, 32, width), np.float32),
            np.ones((len(rows), 32, width), bool),
        )

    with pytest.raises(MimicError, match="40x32 and 48x32") as caught:
        TrainingImages(read, range(300), held=held).get(np.arange(300))
    assert "squash" in caught.value.remedy


@settings_of_hypothesis(max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_the_scale_of_parts_is_that_of_the_whole(sizes):
    rng = np.random.default_rng(len(sizes))
    parts = [
        Samples(
            np.zeros((size, 4, 4, 3), np.uint8),
            rng.normal(5, 3, (size, 2, 4, 4)).astype(np.float32),
            np.ones((size, 4, 4), bool),
        )
        for size in sizes
    ]
    found, whole = Scale.over(parts), Scale.of(concatenate(parts, sum(sizes)))
    assert found.mean == pytest.approx(whole.mean, rel=1e-6)
    assert found.deviation == pytest.approx(whole.deviation, rel=1e-6)


def test_the_best_epoch_on_validation_images_is_kept(make_settings, nyuv2):
    settings = make_settings(epochs=5, validate_every=2, mode="whole")
    model, trainer = prepare(settings, nyuv2, frozen=False)
    states, values = [], iter([10.0, 70.0, float("nan"), 30.0])

    def validate() -> float:
        states.append(content(model))
        return next(values)

    trainer.validate = validate
    trainer.run()
    assert [epoch for epoch, _ in trainer.validated] == [1, 3, 5]  # from the first on, and the last
    assert trainer.best.epoch == 3
    assert content(model) == states[1]


@pytest.mark.parametrize("change", [{"class_token": False}, {"class_token": False, "positions": "rope"}])
def test_encoders_without_a_class_token_give_all_their_patches(make_settings, nyuv2, change):
    settings = make_settings()
    settings = dataclasses.replace(settings, architecture={**settings.architecture, **change})
    model, trainer = prepare(settings, nyuv2, frozen=True)
    patches = (settings.image_size // model.encoder.patch_size) ** 2
    assert {tokens.shape[1] for tokens in model.features(trainer.samples.samples.images[:2])} == {patches}
    curve = trainer.run()
    assert np.isfinite(curve[-1][1])


@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_batches_are_the_same_however_early_they_are_made(make_settings, nyuv2, monkeypatch, ahead):
    results = []
    for count in (2, ahead):
        monkeypatch.setattr(loop, "AHEAD", count)
        model, trainer = prepare(make_settings(mode="whole", augment=True, epochs=3), nyuv2, frozen=False)
        results.append((trainer.run(), content(model)))
    assert results[0] == results[1]


def test_a_fault_in_an_augmentation_ends_the_training(make_settings, nyuv2, monkeypatch):
    def fail(*_):
        raise ValueError("no crop")

    monkeypatch.setattr(protocols, "augment", fail)
    _, trainer = prepare(make_settings(mode="whole", augment=True), nyuv2, frozen=False)
    with pytest.raises(ValueError, match="no crop"):
        trainer.run()
