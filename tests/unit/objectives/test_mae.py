from pathlib import Path

import numpy as np
import pytest
import torch

from mimic_core.models import DecoderSettings, ViTSettings
from mimic_core.models.masking import kept_patches, masked_loss, patchify, random_masking, restore_tokens, unpatchify
from mimic_core.objectives.mae.model import MAE

GOLDEN = Path(__file__).parents[2] / "golden" / "mae.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN, allow_pickle=False) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def test_released_model_is_reproduced(golden):
    model = MAE(ViTSettings(64, 16, 24, 2, 2), DecoderSettings(16, 2, 2), mask_ratio=0.75).eval()
    weights = {name.removeprefix("weights/"): value for name, value in golden.items() if name.startswith("weights/")}
    model.load_state_dict(weights, strict=True)
    with torch.no_grad():
        losses, predicted, mask = model(golden["img"], golden["noise"])
    assert torch.equal(mask, golden["mask"])
    assert (predicted - golden["pred"]).abs().max() <= 1e-5
    assert losses["pixels"].item() == pytest.approx(golden["loss"].item(), rel=1e-6)


def test_kept_patches_round_down_as_released():
    assert kept_patches(196, 0.75) == 49
    assert kept_patches(196, 0.9) == 19
    assert kept_patches(49, 0.9) == 4
    assert kept_patches(100, 0.9) == 10  # 100 * (1 - 0.9) is a little under 10 in floating point
    assert kept_patches(4, 0.99) == 1


def test_masking_keeps_the_smallest_noise_and_restores_order():
    noise = torch.tensor([[0.4, 0.1, 0.9, 0.2]])
    keep, restore, mask = random_masking(noise, 0.5)
    assert keep.tolist() == [[1, 3]]
    assert mask.tolist() == [[1.0, 0.0, 1.0, 0.0]]
    tokens = torch.tensor([[[1.0], [3.0]]])  # named after their places
    assert restore_tokens(tokens, torch.full((1, 1, 1), -1.0), restore).flatten().tolist() == [-1.0, 1.0, -1.0, 3.0]


def test_patches_are_row_column_channel_and_go_back():
    images = torch.arange(2 * 3 * 32 * 48, dtype=torch.float32).reshape(2, 3, 32, 48)
    patches = patchify(images, 16)
    assert patches.shape == (2, 6, 768)
    assert torch.equal(patches[0, 4, : 2 * 3], images[0, :, 16, 16:18].T.flatten())
    assert torch.equal(unpatchify(patches, 16, columns=3), images)


def test_loss_looks_at_hidden_patches_only(golden):
    model = MAE(ViTSettings(64, 16, 24, 2, 2), DecoderSettings(16, 2, 2), mask_ratio=0.75)
    model.initialise(0)
    with torch.no_grad():
        _, predicted, mask = model(golden["img"], golden["noise"])
        seen = predicted + 100 * (1 - mask).unsqueeze(-1)
        hidden = predicted + 100 * mask.unsqueeze(-1)
        loss = masked_loss(predicted, golden["img"], mask, 16)
        assert masked_loss(seen, golden["img"], mask, 16) == loss
        assert masked_loss(hidden, golden["img"], mask, 16) > loss + 1000
