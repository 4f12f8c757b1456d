"""Whole pretraining models in files: released ones, and ours."""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mimic_core.kit.errors import MimicError
from mimic_core.models import DecoderSettings, ViTSettings, load_pretrained
from mimic_core.models.weights import save_encoder
from mimic_core.models.weights.ours import MODEL_HEADER
from mimic_core.objectives import load_model, save_model
from mimic_core.objectives.croco.model import CroCo
from mimic_core.objectives.croco.naver import NaverCroCo
from mimic_core.objectives.decoders import choose_decoder_heads
from mimic_core.objectives.dino.model import DINO, DINOSettings
from mimic_core.objectives.mae.model import MAE

GOLDEN = Path(__file__).parents[2] / "golden"
SETTINGS = ViTSettings(32, 8, 16, 2, 2, 3)
HEADS = {"heads": 2, "decoder_heads": 2}


def golden(name):
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    return arrays, {key.removeprefix("weights/"): arrays[key] for key in arrays if key.startswith("weights/")}


@pytest.fixture(params=["pth", "safetensors"])
def write(request, tmp_path):
    """Writes released weights in one of the kinds of file."""

    def go(weights, **more):
        path = tmp_path / f"released.{request.param}"
        if request.param == "pth":
            torch.save({"model": weights, "epoch": np.int64(199), **more}, path)
        else:
            save_file(weights, path)
        return path

    return go


def test_a_released_mae_paints_as_it_did(write):
    arrays, weights = golden("mae")
    model = load_model(write(weights), **HEADS)
    assert type(model) is MAE and not model.training
    with torch.no_grad():
        losses, predicted, mask = model(arrays["img"], arrays["noise"])
    assert torch.equal(mask, arrays["mask"])
    assert (predicted - arrays["pred"]).abs().max() <= 1e-5
    assert losses["pixels"].item() == pytest.approx(arrays["loss"].item(), rel=1e-6)


def test_mimics_croco_paints_as_it_did(write):
    arrays, weights = golden("mimic_croco")
    model = load_model(write(weights, args=argparse.Namespace(model="croco_vit_base")), **HEADS)
    assert type(model) is CroCo
    model.mask_ratio = 0.75
    with torch.no_grad():
        losses, predicted, _ = model(arrays["img1"], arrays["img2"], arrays["noise"])
    assert (predicted - arrays["pred"]).abs().max() <= 1e-5
    assert losses["pixels"].item() == pytest.approx(arrays["loss"].item(), rel=1e-6)


@pytest.mark.parametrize("said", ["croco_kwargs", "args", "caller"])
def test_navers_croco_paints_as_it_did(tmp_path, said):
    arrays, weights = golden("naver_croco_v1")
    content = {"model": weights}
    if said == "croco_kwargs":
        content["croco_kwargs"] = {"enc_num_heads": 2, "dec_num_heads": 2, "pos_embed": "cosine"}
    if said == "args":
        content["args"] = argparse.Namespace(model="CroCoNet(enc_num_heads=2, dec_num_heads=2, norm=partial(x))")
    torch.save(content, tmp_path / "CroCo.pth")
    model = load_model(tmp_path / "CroCo.pth", **(HEADS if said == "caller" else {}))
    assert type(model) is NaverCroCo
    with torch.no_grad():
        losses, predicted = model(arrays["img1"], arrays["img2"], arrays["mask"])
    assert (predicted - arrays["pred"]).abs().max() <= 1e-5
    assert losses["pixels"].item() == pytest.approx(arrays["loss"].item(), rel=1e-6)


def ours(kind):
    if kind is DINO:
        model = DINO(SETTINGS, DINOSettings(prototypes=8, hidden=8, bottleneck=4), 3)
    else:
        model = kind(SETTINGS, DecoderSettings(16, 2, 4), 0.6)
    model.initialise(0)
    return model


@pytest.mark.parametrize("kind", [MAE, CroCo, DINO])
def test_round_trip_of_ours(tmp_path, kind):
    model, path = ours(kind), tmp_path / "model.safetensors"
    save_model(path, model, {"epochs": 3})
    loaded = load_model(path)
    assert type(loaded) is kind and loaded.settings == SETTINGS and not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    if kind is DINO:
        assert (loaded.options, loaded.epochs) == (model.options, 3)
    else:
        assert loaded.mask_ratio == 0.6
        blocks = loaded.decoder_blocks if kind is MAE else loaded.decoder_blocks_croco
        assert blocks[1].attn.num_heads == 4
    save_model(tmp_path / "again.safetensors", model, {"epochs": 3})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_our_checkpoint_states_its_heads(tmp_path):
    model = ours(CroCo)
    settings = {"encoder": dataclasses.asdict(SETTINGS), "decoder": {"width": 16, "depth": 2, "heads": 4}}
    content = {"format": 3, "identity": {"settings": settings}, "model": model.state_dict(), "optimizer": {}}
    torch.save(content, tmp_path / "iteration-00000001.pt")
    loaded = load_model(tmp_path / "iteration-00000001.pt")
    assert (loaded.settings, loaded.decoder_blocks_croco[0].attn.num_heads) == (SETTINGS, 4)


def test_a_whole_model_is_not_taken_for_an_encoder_nor_an_encoder_for_a_model(tmp_path):
    model = ours(MAE)
    save_model(tmp_path / "model.safetensors", model, {})
    save_encoder(tmp_path / "encoder.safetensors", model.encoder(), {})
    with pytest.raises(MimicError, match="whole pretraining model"):
        load_pretrained(tmp_path / "model.safetensors")
    with pytest.raises(MimicError, match="without a decoder"):
        load_model(tmp_path / "encoder.safetensors")
    torch.save({"model": model.encoder().state_dict()}, tmp_path / "encoder.pth")
    with pytest.raises(MimicError, match="has no decoder"):
        load_model(tmp_path / "encoder.pth", **HEADS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop("mask_token"), "missing mask_token"),
        (lambda weights: weights.pop("decoder_blocks.0.attn.qkv.bias"), "missing decoder_blocks.0.attn.qkv.bias"),
        (lambda weights: weights.update({"head.weight": torch.zeros(2, 24)}), "unexpected head.weight"),
        (lambda weights: weights.update(decoder_pred=torch.zeros(3)), "unexpected decoder_pred"),
    ],
)
def test_every_parameter_must_fit(tmp_path, change, words):
    weights = golden("mae")[1]
    change(weights)
    torch.save({"model": weights}, tmp_path / "mae.pth")
    with pytest.raises(MimicError, match=words):
        load_model(tmp_path / "mae.pth", **HEADS)


def test_parameters_of_ours_must_fit(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, ours(MAE), {})
    weights = load_file(path)
    header = {"format": 1, "model": "mae", "architecture": dataclasses.asdict(SETTINGS), "decoder": {"width": 512}}
    for changed, words in (
        (header, "has the shape"),
        (header | {"model": "gan"}, "'gan'"),
        (header | {"format": 9}, "format 9"),
        (header | {"decoder": {"size": 3}}, "'size'"),
    ):
        save_file(weights, path, {MODEL_HEADER: json.dumps(changed)})
        with pytest.raises(MimicError, match=words):
            load_model(path)


def test_kinds_that_cannot_paint_are_refused(tmp_path):
    weights = golden("naver_croco_v1")[1]
    rotary = {name: value for name, value in weights.items() if not name.endswith("pos_embed")}
    kwargs = {"enc_num_heads": 1, "dec_num_heads": 2, "pos_embed": "RoPE100", "img_size": 64}
    torch.save({"model": rotary, "croco_kwargs": kwargs}, tmp_path / "v2.pth")
    with pytest.raises(MimicError, match="rope positions") as caught:
        load_model(tmp_path / "v2.pth")
    assert "CroCo v1" in caught.value.remedy
    mae = golden("mae")[1]
    headless = {name: value for name, value in mae.items() if name != "cls_token"}
    headless["pos_embed"] = mae["pos_embed"][:, 1:]
    torch.save(headless, tmp_path / "mae.pth")
    with pytest.raises(MimicError, match="no class token"):
        load_model(tmp_path / "mae.pth", **HEADS)


def test_decoder_heads_that_nobody_knows():
    assert choose_decoder_heads(512, None, Path()) == 16
    assert choose_decoder_heads(512, 8, Path()) == 8
    with pytest.raises(MimicError, match="how many heads the 96") as caught:
        choose_decoder_heads(96, None, Path())
    assert "decoder_heads=" in caught.value.remedy


def test_no_such_file(tmp_path):
    with pytest.raises(MimicError, match="no weights file"):
        load_model(tmp_path / "model.safetensors")
