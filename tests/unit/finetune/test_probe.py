"""Linear probing: what the classifier sees and learns, how often an image is encoded, and what is refused."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.finetune.probe import ProbeJob, accuracy, build_classifier, build_optimizer, learning_rate, run
from mimic_core.finetune.probe_features import FrozenFeatures, middle, random_part, read_ahead
from mimic_core.finetune.probe_settings import ProbeSettings
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder, load_pretrained, save_encoder

TINY = {"image_size": 32, "patch_size": 16, "width": 24, "depth": 2, "heads": 2}
COLOURS = {"n00000001": (220, 30, 30), "n00000002": (30, 220, 30), "n00000003": (30, 30, 220)}


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory) -> Path:
    """Three classes, each of one colour: any encoder tells them apart."""
    root, rng = tmp_path_factory.mktemp("imagenet"), np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 3)):
        for wnid, colour in COLOURS.items():
            (root / part / wnid).mkdir(parents=True)
            for number in range(count):
                image = np.clip(np.array(colour) + rng.normal(0, 15, (40, 48, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(root / part / wnid / f"{part}_{number}.JPEG"), image[:, :, ::-1])
    return root


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_encoder(path, build_encoder(TINY, 7), {})
    return path


def make(**changes) -> ProbeSettings:
    block = {"task": "classification", "mode": "frozen", "encoder": "random", "image_size": 32, "architecture": TINY}
    block |= {"augment": False, "batch_size": 18, "base_lr": 40, "epochs": 40, "warmup_epochs": 2, "precision": "fp32"}
    return ProbeSettings.from_dict(block | changes)


def test_classes_of_one_colour_each_are_learnt(imagenet, encoder_file, tmp_path):
    settings = make(encoder="ours", seeds=[0, 1], architecture={})
    summary = run(settings, encoder_file, tmp_path / "one", data=imagenet, seed=3)
    assert summary["mean"] == {"top1": 100.0, "top5": 100.0} and summary["std"] == {"top1": 0.0, "top5": 0.0}
    assert (summary["train_images"], summary["test_images"], summary["metric"]) == (18, 9, "top1")
    assert summary["bootstrap"]["top1"]["min"] == 100.0
    assert summary["curve"][-1][1] < summary["curve"][0][1]
    for name in ("metrics.json", "predictions.png", "receipt.json"):
        assert (tmp_path / "one" / name).stat().st_size > 0
    assert json.loads((tmp_path / "one" / "metrics.json").read_text()) == summary
    assert run(settings, encoder_file, tmp_path / "two", data=imagenet, seed=3) == summary


def test_augmentation_is_drawn_for_each_image_and_epoch(imagenet):
    job = ProbeJob(make(augment=True), "random", imagenet, 0)
    one, other = random_part(job.training, 32, 5, 0), random_part(job.training, 32, 5, 1)
    assert one(3).shape == (32, 32, 3) and one(3).dtype == np.uint8
    np.testing.assert_array_equal(one(3), random_part(job.training, 32, 5, 0)(3))
    assert (one(3) != other(3)).any() and (one(3) != one(4)).any()


def test_it_learns_from_augmented_images_too(imagenet, tmp_path):
    summary = run(make(augment=True, epochs=15, batch_size=9), "random", tmp_path, data=imagenet)
    assert summary["mean"]["top1"] > 60


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_come_in_their_order_whatever_the_threads(imagenet, threads):
    job = ProbeJob(make(), "random", imagenet, 0)
    read = middle(job.training, 32)
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
    job = ProbeJob(make(seeds=[0, 1], epochs=3), encoder_file if weights == "file" else "random", imagenet, 0)
    for seed in (0, 1):
        job.train(seed)
    assert [frozen.encoded for frozen in made] == [18 + 9] * passes


def test_a_frozen_encoder_keeps_its_bytes(imagenet, encoder_file):
    job = ProbeJob(make(augment=True, epochs=3), encoder_file, imagenet, 0)
    job.train(0)
    before = load_pretrained(encoder_file).state_dict()
    after = job.kept[0].encoder.state_dict()
    assert all(torch.equal(before[name], after[name].cpu()) for name in before)


def test_the_class_token_or_the_mean_of_the_patches():
    encoder = build_encoder(TINY, 3)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    seen = {pooling: FrozenFeatures(encoder, pooling, bf16=False).of(images) for pooling in ("auto", "class", "mean")}
    assert torch.equal(seen["auto"], seen["class"]) and not torch.equal(seen["class"], seen["mean"])
    without = build_encoder({**TINY, "class_token": False}, 3)
    assert FrozenFeatures(without, "auto", bf16=False).of(images).shape == (2, 24)
    with pytest.raises(MimicError, match="no class token"):
        FrozenFeatures(without, "class", bf16=False)


@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 1000))
def test_true_classes_as_prediction_give_100_and_top5_is_never_less(images, classes, seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, classes, images), rng.random((images, classes))
    found = accuracy(scores, labels)
    assert (found["top5"] >= found["top1"]).all()
    np.testing.assert_array_equal(found["top1"] == 100, scores.argmax(1) == labels)
    perfect = np.eye(classes)[labels]
    assert (accuracy(perfect, labels)["top1"] == 100).all()


def test_the_rate_grows_with_the_batch_and_follows_the_schedule():
    settings = make(base_lr=0.1, batch_size=16384, epochs=90, warmup_epochs=10)
    assert settings.peak_rate == pytest.approx(6.4)
    assert learning_rate(0, settings) == 0
    assert learning_rate(5, settings) == pytest.approx(3.2)
    assert learning_rate(10, settings) == pytest.approx(6.4)
    assert learning_rate(50, settings) == pytest.approx(3.2)
    assert learning_rate(90, settings) == pytest.approx(0, abs=1e-9)


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
    job = ProbeJob(make(train_images=4, seeds=[0, 1]), "random", imagenet, 0)
    drawn = [job.rows_of(seed).tolist() for seed in (0, 1)]
    assert [len(rows) for rows in drawn] == [4, 4] and drawn[0] != drawn[1]
    assert run(make(train_images=4, epochs=3), "random", tmp_path, data=imagenet)["train_images"] == 4
    with pytest.raises(MimicError, match="19 training images are asked for, and there are 18"):
        run(make(train_images=19), "random", tmp_path, data=imagenet)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "whole"}, "a linear probe is frozen"),
        ({"pooling": "max"}, "pooling is 'max'"),
        ({"base_lr": 0}, "base_lr is 0"),
        ({"task": "pose"}, "the task is 'pose'"),
        ({"momentum": 1.0}, "momentum is"),
        ({"encode_batch": 0}, "encode_batch is 0"),
    ],
)
def test_settings_that_cannot_be(change, message):
    with pytest.raises(MimicError, match=message):
        make(**change)


@pytest.mark.parametrize(("patch", "size"), [(8, 112), (14, 112), (14, 96)])
def test_encoders_of_another_patch_size_work_or_are_refused(imagenet, tmp_path, patch, size):
    weights = tmp_path / "encoder.safetensors"
    save_encoder(weights, build_encoder({**TINY, "patch_size": patch, "image_size": 2 * patch}, 7), {})
    settings = make(image_size=size, architecture={}, epochs=3)
    if size == 112:
        found = run(settings, weights, tmp_path / "out", data=imagenet)
        assert all(np.isfinite(value) for value in found["mean"].values()) and np.isfinite(found["curve"][-1][1])
        return
    with pytest.raises(MimicError, match=r"inputs of 96x96 pixels cannot be cut .* patches of 14") as caught:
        run(settings, weights, tmp_path / "out", data=tmp_path / "nowhere")  # before any data is looked for
    assert caught.value.where == f"finetune.image_size, for {weights}"
    assert caught.value.remedy == "choose multiples of 14, such as 98x98"


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_image_that_cannot_be_read_is_left_out_and_counted(imagenet, tmp_path, part):
    for path in imagenet.rglob("*.JPEG"):
        copy = tmp_path / "data" / path.relative_to(imagenet)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    path = tmp_path / "data" / part / "n00000002" / f"{part}_1.JPEG"
    path.write_bytes(path.read_bytes()[:-40])
    summary = run(make(epochs=3), "random", tmp_path / "out", data=tmp_path / "data")
    assert (summary["train_images"], summary["test_images"]) == ((17, 9) if part == "train" else (18, 8))
    other, mine = ("test", "train") if part == "train" else ("train", "test")
    assert summary["skipped"] == {mine: [{"where": str(path), "what": "this image cannot be read"}], other: []}
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    assert receipt["statistics"]["skipped"] == {mine: 1, other: 0}
