"""Reconstruction: the same masks for every model, the losses of training, and what a run leaves."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from unit.pretrain.conftest import FakePairs, make_manifest
from unit.report.given import compared, script

from mimic_core.datasets import PairDataset
from mimic_core.evaluation.reconstruction import reconstruct
from mimic_core.evaluation.reconstruction_painting import as_painting, batches, mask_noise, paint
from mimic_core.evaluation.resampling import bootstrap
from mimic_core.evaluation.settings import ReconstructionSettings
from mimic_core.kit.errors import MimicError
from mimic_core.models import DecoderSettings, ViTSettings, build_encoder, save_encoder
from mimic_core.models.masking import normalise_patches, patchify
from mimic_core.objectives import save_model
from mimic_core.objectives.croco.model import CroCo
from mimic_core.objectives.croco.naver import NaverCroCo
from mimic_core.objectives.dino.model import DINO, DINOSettings
from mimic_core.objectives.mae.model import MAE
from mimic_core.objectives.pictures import viewable
from mimic_core.report.table4 import make

SIZES = {"image_size": 32, "patch_size": 8, "width": 16, "depth": 1, "heads": 2, "mlp_ratio": 2}
DECODER = DecoderSettings(16, 1, 2)
BLOCK = {"encoder": "croco_tiny", "dataset": "held-out", "mask_ratio": 0.75, "batch_size": 5}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    torch.set_num_threads(1)
    return make_manifest(tmp_path_factory.mktemp("held-out"), count=12)


def model_of(kind, **changes):
    model = kind(ViTSettings(**SIZES | changes), DECODER)
    model.initialise(0)
    return model.eval()


def models():
    return [model_of(MAE), model_of(CroCo), model_of(NaverCroCo, class_token=False)]


def batch(manifest):
    return next(batches(PairDataset(manifest), 32, 5))


def noise_of(keys, seed=0):
    return torch.from_numpy(np.stack([mask_noise(key, 16, seed) for key in keys]))


@pytest.fixture
def run(manifest, tmp_path):
    """Saves a model, lets it paint, and gives the results and their folder."""

    def go(model, name="out", frechet=None, seed=0, **changes):
        weights, out = tmp_path / f"{name}.safetensors", tmp_path / name
        save_model(weights, model, {})
        settings = ReconstructionSettings.from_dict(BLOCK | changes)
        return reconstruct(settings, weights, out, data=manifest, frechet=frechet, seed=seed), out

    return go


def test_masks_depend_on_seed_and_key_alone(manifest):
    _, keys, view1, view2 = batch(manifest)
    masks = [paint(as_painting(model), view1, view2, noise_of(keys), 0.75).mask for model in models()]
    assert all(torch.equal(mask, masks[0]) for mask in masks)
    assert (masks[0].sum(dim=1) == 12).all()
    assert len(masks[0].unique(dim=0)) == 5
    assert not torch.equal(noise_of(keys), noise_of(keys, seed=1))
    assert torch.equal(noise_of(keys[::-1]), noise_of(keys).flip(0))


def test_the_loss_is_that_of_training(manifest):
    _, keys, view1, view2 = batch(manifest)
    noise = noise_of(keys)
    for model in models()[:2]:
        found = paint(as_painting(model), view1, view2, noise, 0.75)
        with torch.no_grad():
            losses = model(view1, noise)[0] if isinstance(model, MAE) else model(view1, view2, noise)[0]
        assert found.loss.mean().item() == pytest.approx(losses["pixels"].item(), rel=1e-6)


class Knowing(MAE):
    """Paints every patch as it is, times a factor."""

    factor = 1.0

    def forward(self, images, noise):
        loss, _, mask = super().forward(images, noise)
        return loss, self.factor * normalise_patches(patchify(images, self.patch_size)), mask


def test_a_perfect_painter_has_no_error_and_a_flat_one_the_most(manifest):
    _, keys, view1, view2 = batch(manifest)
    model = model_of(Knowing)
    found = paint(as_painting(model), view1, view2, noise_of(keys), 0.75)
    assert found.loss.max() < 1e-12 and found.pixel_l2.max() < 1e-10
    torch.testing.assert_close(found.images, viewable(view1), atol=1e-5, rtol=0)
    model.factor = 0.0  # each patch's mean colour: the loss is the share of variance, (n - 1) / n
    flat = paint(as_painting(model), view1, view2, noise_of(keys), 0.75)
    values = 8 * 8 * 3
    assert flat.loss.numpy() == pytest.approx((values - 1) / values, rel=1e-3)
    seen = flat.mask == 0
    true, shown = (patchify(images, 8) for images in (viewable(view1), flat.images))
    torch.testing.assert_close(shown[seen], true[seen], atol=1e-6, rtol=0)
    variance = true[~seen].var(dim=-1, correction=0)
    # a mean over the channels of normalised pixels is no mean of colours: the errors agree up to the deviations' spread
    assert flat.pixel_l2.mean().item() == pytest.approx(variance.mean().item(), rel=0.1)


def test_croco_looks_at_view_2_and_mae_does_not(manifest):
    _, keys, view1, view2 = batch(manifest)
    for model in models():
        one, other = (paint(as_painting(model), view1, second, noise_of(keys), 0.75).loss for second in (view2, -view2))
        assert torch.equal(one, other) == isinstance(model, MAE)


def test_what_a_run_leaves(run, manifest, tmp_path):
    save_encoder(tmp_path / "features.safetensors", build_encoder(SIZES | {"image_size": 24}, 3), {})
    found, out = run(model_of(CroCo), frechet=tmp_path / "features.safetensors", frechet_encoder="features")
    assert json.loads((out / "metrics.json").read_text()) == found
    assert (found["task"], found["dataset"], found["encoder"]) == ("reconstruction", "held-out", "croco_tiny")
    assert (found["pairs"], found["patches"], found["hidden_patches"]) == (12, 16, 12)
    for name in ("loss", "pixel_l2"):
        values = found["per_image"][name]
        assert len(values) == 12
        assert found[name]["mean"] == pytest.approx(np.mean(values), abs=1e-6)
        assert found[name]["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-5)
        assert found[name]["bootstrap"]["std"] == pytest.approx(bootstrap(values, 0)["std"], rel=1e-3)
    assert found["fid"] is None and found["fid_reason"] == "no file of Inception's weights is given"
    assert found["frechet"] > 0 and found["frechet_encoder"] == "features"
    with Image.open(out / "reconstructions.png") as picture:
        assert picture.size == (4 * 172 + 4, 22 + 6 * 172)
    receipt = json.loads((out / "receipt.json").read_text())
    assert len(receipt["inputs"]) == 3 and len(receipt["outputs"]) == 2
    assert receipt["statistics"]["loss"] == found["loss"]["mean"]


def test_batches_and_models_do_not_change_the_masks(run):
    one = run(model_of(CroCo), "one")[0]
    again = run(model_of(CroCo), "again", batch_size=12)[0]
    mae = run(model_of(MAE), "mae")[0]
    seed = run(model_of(CroCo), "seed", seed=1)[0]
    finer = run(model_of(CroCo, patch_size=4), "finer")[0]
    assert one["masks"] == again["masks"] == mae["masks"]
    assert len({one["masks"], seed["masks"], finer["masks"]}) == 3
    assert again["per_image"]["loss"] == pytest.approx(one["per_image"]["loss"], abs=2e-6)
    assert (mae["model"], one["model"]) == ("mae", "croco")


def test_the_paintings_distance_of_a_perfect_painter_is_that_of_equal_sets(run, tmp_path, monkeypatch):
    save_encoder(tmp_path / "features.safetensors", build_encoder(SIZES, 3), {})
    given = {"frechet": tmp_path / "features.safetensors", "frechet_encoder": "features"}
    poor = run(model_of(MAE), "poor", **given)[0]["frechet"]
    monkeypatch.setattr(MAE, "forward", lambda self, images, noise: perfect(self, images, noise))
    assert run(model_of(MAE), "perfect", **given)[0]["frechet"] < 1e-6 * poor


def perfect(model, images, noise):
    mask = (noise > 0.5).float()
    return None, normalise_patches(patchify(images, model.patch_size)), mask


def test_bad_settings_are_named(run, tmp_path):
    for changes, key in (
        ({"mask_ratio": 1.0}, "mask_ratio"),
        ({"threads": 0}, "threads"),
        ({"batch_size": 0}, "batch"),
    ):
        with pytest.raises(MimicError) as caught:
            ReconstructionSettings.from_dict(BLOCK | changes)
        assert key in caught.value.where
    with pytest.raises(MimicError, match="'mask_ratios'"):
        ReconstructionSettings.from_dict(BLOCK | {"mask_ratios": 0.5})
    with pytest.raises(MimicError, match="go together"):
        run(model_of(MAE), frechet_encoder="features")
    with pytest.raises(MimicError, match="none would be hidden"):
        run(model_of(MAE, image_size=8), mask_ratio=0.9)


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (lambda path: save_encoder(path, build_encoder(SIZES, 3), {}), "only an encoder, without a decoder"),
        (lambda path: save_model(path, DINO(ViTSettings(**SIZES), DINOSettings(), 1), {}), "a DINO paints no patches"),
    ],
)
def test_a_model_without_a_decoder_leaves_the_reason(manifest, tmp_path, save, words):
    weights, out = tmp_path / "given.safetensors", tmp_path / "out"
    save(weights)
    found = reconstruct(ReconstructionSettings("released", "held-out"), weights, out, data=manifest)
    assert json.loads((out / "metrics.json").read_text()) == found
    assert set(found) == {"task", "dataset", "encoder", "not_run"}
    assert words in found["not_run"] and str(weights) in found["not_run"]
    with Image.open(out / "reconstructions.png") as picture:
        assert len(picture.convert("RGB").getcolors()) > 1
    receipt = json.loads((out / "receipt.json").read_text())
    assert receipt["statistics"] == {"not_run": found["not_run"]} and len(receipt["outputs"]) == 2
    table = make(
        compared([out / "metrics.json"], [], {}, "sample", {"released": {"model": "MAE", "dataset": "ImageNet-1K"}})
    )
    row = table[table["encoder"] == "released"].iloc[0]
    assert (row["loss"], row["pairs"]) == ("", "") and row["note"] == f"not run: {found['not_run']}"


def test_a_file_that_is_no_encoder_either_is_refused(manifest, tmp_path):
    weights = tmp_path / "given.safetensors"
    save_encoder(weights, build_encoder(SIZES, 3), {})
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(MimicError) as caught:
        reconstruct(ReconstructionSettings("released", "held-out"), weights, tmp_path / "out", data=manifest)
    assert str(weights) in caught.value.where and not (tmp_path / "out").exists()


def test_without_pairs_there_is_nothing_to_measure(tmp_path):
    save_model(tmp_path / "model.safetensors", model_of(MAE), {})
    empty = tmp_path / "manifest.parquet"
    PairDataset(make_manifest(tmp_path / "some", count=2)).rows.iloc[:0].to_parquet(empty)
    with pytest.raises(MimicError, match="no pairs"):
        reconstruct(ReconstructionSettings("a", "b"), tmp_path / "model.safetensors", tmp_path / "out", data=empty)


def test_the_command_line(manifest, tmp_path):
    save_model(tmp_path / "model.safetensors", model_of(CroCo), {})
    words = ["--model", str(tmp_path / "model.safetensors"), "--data", str(manifest), "--out", str(tmp_path / "out")]
    script("reconstruct_run")([*words, "--settings", json.dumps(BLOCK), "--seed", "1"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "metrics.json",
        "reconstructions.png",
        "receipt.json",
    }


def test_images_come_in_the_datasets_order(manifest):
    pairs, found = FakePairs(12, size=64), list(batches(PairDataset(manifest), 64, 5))
    assert [len(chosen) for chosen, *_ in found] == [5, 5, 2]
    assert [key for _, keys, *_ in found for key in keys] == [f"pair{index:03d}" for index in range(12)]
    first = viewable(torch.cat([view1 for *_, view1, _ in found]))[7].permute(1, 2, 0).numpy() * 255
    assert np.abs(first - pairs[7][0]).mean() < 12  # JPEG
