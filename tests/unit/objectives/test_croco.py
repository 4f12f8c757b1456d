from pathlib import Path

import numpy as np
import pytest
import torch

from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.models.attention import attend
from mimic_core.objectives.croco.model import CroCo

GOLDEN = Path(__file__).parents[2] / "golden" / "mimic_croco.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN, allow_pickle=False) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def model(golden):
    model = CroCo(ViTSettings(64, 16, 24, 2, 2), DecoderSettings(16, 2, 2), mask_ratio=0.75).eval()
    weights = {name.removeprefix("weights/"): value for name, value in golden.items() if name.startswith("weights/")}
    model.load_state_dict(weights, strict=True)
    return model


def test_released_model_is_reproduced(model, golden):
    with torch.no_grad():
        losses, predicted, mask = model(golden["img1"], golden["img2"], golden["noise"])
    assert torch.equal(mask, golden["mask"])
    assert (predicted - golden["pred"]).abs().max() <= 1e-5
    assert losses["pixels"].item() == pytest.approx(golden["loss"].item(), rel=1e-6)


def test_encoder_alone_is_the_same_encoder(model, golden):
    with torch.no_grad():
        tokens = model.encoder().eval()(golden["img2"])
    assert (tokens - golden["encoder_full_img2"]).abs().max() <= 1e-5


def test_the_other_view_reaches_the_prediction(model, golden):
    with torch.no_grad():
        _, predicted, _ = model(golden["img1"], golden["img2"], golden["noise"])
        _, swapped, _ = model(golden["img1"], golden["img2"].flip(0), golden["noise"])
    assert (predicted - swapped).abs().max() > 1e-3


def test_written_out_attention_equals_the_fused_one():
    query, key, value = torch.randn(3, 2, 3, 7, 8, generator=torch.Generator().manual_seed(0))
    fused = attend(query, key, value)
    written_out = attend(query.bfloat16(), key.bfloat16(), value.bfloat16())
    assert written_out.dtype == torch.bfloat16
    assert (fused - written_out.float()).abs().max() < 0.03  # bf16 has 8 bits
