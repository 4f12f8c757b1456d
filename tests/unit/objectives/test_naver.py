"""NAVER's CroCo v1 against the released model."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from mimic_core.kit.errors import MimicError
from mimic_core.models import DecoderSettings, ViTSettings, load_pretrained
from mimic_core.objectives.croco.naver import NaverCroCo

GOLDEN = Path(__file__).parents[2] / "golden" / "naver_croco_v1.npz"
ENCODER = ViTSettings(64, 16, 24, 2, 2, class_token=False)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN, allow_pickle=False) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def released(golden):
    return {name.removeprefix("weights/"): value for name, value in golden.items() if name.startswith("weights/")}


@pytest.fixture(scope="module")
def model(released):
    model = NaverCroCo(ENCODER, DecoderSettings(16, 2, 2)).eval()
    model.load_state_dict(released, strict=True)
    return model


def test_released_model_is_reproduced(model, golden):
    with torch.no_grad():
        losses, predicted = model(golden["img1"], golden["img2"], golden["mask"])
    assert (predicted - golden["pred"]).abs().max() <= 1e-5
    assert losses["pixels"].item() == pytest.approx(golden["loss"].item(), rel=1e-6)


def test_positions_are_the_released_buffers(released):
    fresh = NaverCroCo(ENCODER, DecoderSettings(16, 2, 2))
    assert {name for name, _ in fresh.named_buffers()} == {"enc_pos_embed", "dec_pos_embed"}
    for name, values in fresh.named_buffers():
        assert (values - released[name]).abs().max() < 1e-6, name


@pytest.mark.parametrize("said", ["by croco_kwargs", "by args", "by the caller"])
def test_the_released_file_is_an_encoder(model, released, golden, tmp_path, said):

    content = {"model": released}
    if said == "by croco_kwargs":
        content["croco_kwargs"] = {"enc_embed_dim": 24, "enc_num_heads": 2, "pos_embed": "cosine"}
    if said == "by args":
        call = "CroCoNet(enc_embed_dim=24, enc_num_heads=2, norm_layer=partial(LayerNorm, eps=1e-6))"
        content["args"] = argparse.Namespace(model=call, epochs=400)
    torch.save(content, tmp_path / "CroCo.pth")
    encoder = load_pretrained(tmp_path / "CroCo.pth", heads=2 if said == "by the caller" else None)
    assert encoder.settings == ENCODER
    with torch.no_grad():
        expected = model.encode(golden["img2"])
        assert torch.equal(encoder(golden["img2"]), expected)
        assert torch.equal(model.encoder().eval()(golden["img2"]), expected)


def test_random_weights_follow_the_seed():
    first, again, other = (NaverCroCo(ENCODER, DecoderSettings(16, 1, 2)) for _ in range(3))
    for model, seed in ((first, 1), (again, 1), (other, 2)):
        model.initialise(seed)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.mask_token, other.mask_token)


@pytest.mark.parametrize("change", [{"class_token": True}, {"class_token": False, "positions": "rope"}])
def test_an_encoder_that_is_not_navers_is_refused(change):
    with pytest.raises(MimicError, match="no class token and fixed sin-cos"):
        NaverCroCo(ViTSettings(64, 16, 24, 2, 2, **change), DecoderSettings(16, 1, 2))
