"""Linear probing: what the classifier sees and learns, how often an image is encoded, and what is refused."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from unit.finetune.tiny import ARCHITECTURE, tiny_settings

from mimic_core.finetune import finetune, get_task
from mimic_core.finetune.probe import ProbeJob, build_classifier, build_optimizer
from mimic_core.finetune.probe_features import FrozenFeatures, centre_crop_reader, random_crop_reader, read_ahead
from mimic_core.kit.errors import MimicError
from mimic_core.kit.schedules import warmed_up
from mimic_core.models import build_encoder, load_pretrained

TASK = get_task("classification")
make = partial(tiny_settings, TASK.name)


def test_classes_of_one_colour_each_are_learnt(imagenet, encoder_file, tmp_path):
    settings = make(encoder="ours", seeds=[0, 1], architecture={})
    summary = finetune(settings, encoder_file, tmp_path / "one", data=imagenet, seed=3)
    assert summary["mean"] == {"top1": 100.0, "top5": 100.0} and summary["std"] == {"top1": 0.0, "top5": 0.0}
    assert (summary["train_images"], summary["test_images"], summary["metric"]) == (18, 9, "top1")
    assert summary["bootstrap"]["top1"]["min"] == 100.0
    assert summary["curve"][-1][1] < summary["curve"][0][1]
    for name in ("metrics.json", "predictions.png", "receipt.json"):
        assert (tmp_path / "one" / name).stat().st_size > 0
    assert json.loads((tmp_path / "one" / "metrics.json").read_text()) == summary
    assert finetune(settings, encoder_file, tmp_path / "two", data=imagenet, seed=3) == summary


def test_augmentation_is_drawn_for_each_image_and_epoch(imagenet):
    job = ProbeJob(TASK, make(augment=True), "random", imagenet, 0)
    one, other = random_crop_reader(job.training, 32, 5, 0), random_crop_reader(job.training, 32, 5, 1)
    assert one(3).shape == (32, 32, 3) and one(3).dtype == np.uint8
    np.testing.assert_array_equal(one(3), random_crop_reader(job.training, 32, 5, 0)(3))
    assert (one(3) != other(3)).any() and (one(3) != one(4)).any()


def test_it_learns_from_augmented_images_too(imagenet, tmp_path):
    wider = {"image_size": 32, "patch_size": 16, "width": 24, "depth": 2, "heads": 2}
    settings = make(augment=True, epochs=15, batch_size=9, architecture=wider)
    summary = finetune(settings, "random", tmp_path, data=imagenet)
    assert summary["mean"]["top1"] > 60


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_come_in_their_order_whatever_the_threads(imagenet, threads):
    job = ProbeJob(TASK, make(), "random", imagenet, 0)
    read = centre_crop_reader(job.training, 32)
    rows = [5, 0, 17, 3, 9]
    parts = list(read_ahead(rows, read, 2, threads))
    assert [len(part) for part in parts] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(parts), job.training.load(rows, 32).images)
    assert list(read_ahead([], read, 2, threads)) == []


@pytest.mark.parametrize(("weights", "passes"), [("random", 2), ("file", 1)])
def test_each_image_is_encoded_once_an_encoder(imagenet, encoder_file, monkeypatch, weights, passes):
    made = []
    start = FrozenFeatures.__init__

    def note(self, *arguments, **options):
        start(self, *arguments, **options)
        made.append(self)

    monkeypatch.setattr(FrozenFeatures, "__init__", note)
    job = ProbeJob(TASK, make(seeds=[0, 1], epochs=3), encoder_file if weights == "file" else "random", imagenet, 0)
    for seed in (0, 1):
        job.train(seed)
    assert [frozen.encoded for frozen in made] == [18 + 9] * passes


def test_a_frozen_encoder_keeps_its_bytes(imagenet, encoder_file):
    job = ProbeJob(TASK, make(augment=True, epochs=3), encoder_file, imagenet, 0)
    job.train(0)
    before = load_pretrained(encoder_file).state_dict()
    after = job.kept[0].encoder.state_dict()
    assert all(torch.equal(before[name], after[name].cpu()) for name in before)


def test_the_class_token_or_the_mean_of_the_patches():
    encoder = build_encoder(ARCHITECTURE, 3)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    seen = {pooling: FrozenFeatures(encoder, pooling, bf16=False).of(images) for pooling in ("auto", "class", "mean")}
    assert torch.equal(seen["auto"], seen["class"]) and not torch.equal(seen["class"], seen["mean"])
    without = build_encoder({**ARCHITECTURE, "class_token": False}, 3)
    assert FrozenFeatures(without, "auto", bf16=False).of(images).shape == (2, ARCHITECTURE["width"])
    with pytest.raises(MimicError, match="no class token"):
        FrozenFeatures(without, "class", bf16=False)


@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 1000))
def test_true_classes_as_prediction_give_100_and_top5_is_never_less(images, classes, seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, classes, images), rng.random((images, classes))
    found = TASK.measure(scores, labels)
    assert (found["top5"] >= found["top1"]).all()
    np.testing.assert_array_equal(found["top1"] == 100, scores.argmax(1) == labels)
    perfect = np.eye(classes)[labels]
    assert (TASK.measure(perfect, labels)["top1"] == 100).all()


def test_the_rate_grows_with_the_batch_and_follows_the_schedule():
    settings = make(base_lr=0.1, batch_size=16384, epochs=90, warmup_epochs=10)
    assert settings.peak_rate == pytest.approx(6.4)
    schedule = {"peak": settings.peak_rate, "epochs": settings.epochs, "warmup_epochs": settings.warmup_epochs}
    assert warmed_up(0, **schedule) == 0
    assert warmed_up(5, **schedule) == pytest.approx(3.2)
    assert warmed_up(10, **schedule) == pytest.approx(6.4)
    assert warmed_up(50, **schedule) == pytest.approx(3.2)
    assert warmed_up(90, **schedule) == pytest.approx(0, abs=1e-9)


def test_lars_adapts_matrices_alone():
    classifier = build_classifier(4, 3, 0)
    optimizer = build_optimizer(classifier, make(base_lr=256 / 18, momentum=0.0))
    linear = classifier[1]
    before = {name: value.detach().clone() for name, value in linear.named_parameters()}
    for parameter in linear.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moved = {name: before[name] - value.detach() for name, value in linear.named_parameters()}
    torch.testing.assert_close(moved["bias"], torch.ones(3))
    trust = 0.001 * before["weight"].norm() / torch.ones(3, 4).norm()
    torch.testing.assert_close(moved["weight"], torch.full((3, 4), float(trust)), rtol=1e-3, atol=1e-9)


def test_few_images_are_drawn_anew_for_every_seed(imagenet, tmp_path):
    job = ProbeJob(TASK, make(train_images=4, seeds=[0, 1]), "random", imagenet, 0)
    drawn = [job.rows_of(seed).tolist() for seed in (0, 1)]
    assert [len(rows) for rows in drawn] == [4, 4] and drawn[0] != drawn[1]
    assert finetune(make(train_images=4, epochs=3), "random", tmp_path, data=imagenet)["train_images"] == 4
    with pytest.raises(MimicError, match="train_images is 19, and there are only 18"):
        finetune(make(train_images=19), "random", tmp_path, data=imagenet)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "whole"}, "mode is 'whole'"),
        ({"pooling": "max"}, "pooling is 'max'"),
        ({"base_lr": 0}, "base_lr is 0"),
        ({"momentum": 1.0}, "momentum is"),
        ({"encode_batch": 0}, "encode_batch is 0"),
    ],
)
def test_settings_that_cannot_be(change, message):
    with pytest.raises(MimicError, match=message):
        make(**change)


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_image_that_cannot_be_read_is_left_out_and_counted(imagenet, tmp_path, part):
    for path in imagenet.rglob("*.JPEG"):
        copy = tmp_path / "data" / path.relative_to(imagenet)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    path = tmp_path / "data" / part / "n00000002" / f"{part}_1.JPEG"
    path.write_bytes(path.read_bytes()[:-40])
    summary = finetune(make(epochs=3), "random", tmp_path / "out", data=tmp_path / "data")
    assert (summary["train_images"], summary["test_images"]) == ((17, 9) if part == "train" else (18, 8))
    other, mine = ("test", "train") if part == "train" else ("train", "test")
    assert summary["skipped"] == {mine: [{"where": str(path), "what": "this image cannot be read"}], other: []}
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    assert receipt["statistics"]["skipped"] == {mine: 1, other: 0}
