"""The ConvNeXt head against the released one, and its behaviour at other sizes."""

import numpy as np
import pytest
import torch
from support import GOLDEN
from torch.nn import functional

from mimic_core.kit.errors import MimicError
from mimic_core.models.convnext import ConvNeXtBlock, ConvNeXtHead


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "convnext_segmentation_head.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def released(golden) -> ConvNeXtHead:
    head = ConvNeXtHead(24, 7, embed=128, predictions=16, depth=2)
    prefix = "weights/"
    weights = {name[len(prefix) :]: torch.from_numpy(golden[name]) for name in golden if name.startswith(prefix)}
    head.load_state_dict(weights, strict=True)
    return head.eval()


def test_the_released_head_is_reproduced(golden, released):
    with torch.no_grad():
        scores = released(torch.from_numpy(golden["tokens"]), (4, 4))
        output = functional.interpolate(scores, size=(64, 64), mode="bilinear", align_corners=False)
    assert scores.shape == (2, 7, 16, 16)
    assert output.shape == golden["out"].shape
    assert np.abs(output.numpy() - golden["out"]).max() < 1e-5


def test_the_papers_head_has_384_channels_a_prediction():
    head = ConvNeXtHead(768, 150)
    assert head.proj_dec.out_features == 6144
    assert head.final_layer.in_channels == 384
    assert len(head.blocks) == 4


def test_a_patch_is_predicted_where_it_lies():
    head = ConvNeXtHead(8, 3, embed=32, predictions=4, depth=0)
    tokens = torch.zeros(1, 6, 8)
    tokens[0, 4] = 1.0  # row 1, column 1 of 2 x 3
    with torch.no_grad():
        changed = (head(tokens, (2, 3)) != head(torch.zeros(1, 6, 8), (2, 3))).any(dim=1)[0]
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[2:4, 2:4] = True
    assert (changed == expected).all()


def test_every_parameter_learns():
    torch.manual_seed(0)
    head = ConvNeXtHead(8, 3, embed=32, predictions=4, depth=2)
    head(torch.randn(1, 6, 8), (2, 3)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in head.parameters())


def test_drop_path_only_matters_in_training():
    torch.manual_seed(0)
    block = ConvNeXtBlock(4, drop_path=0.5)
    x = torch.randn(64, 4, 3, 3)
    skipped = (block(x) == x).flatten(1).all(dim=1)
    assert 0 < skipped.sum() < 64
    assert (block.eval()(x) != x).flatten(1).any(dim=1).all()


@pytest.mark.parametrize(("embed", "predictions"), [(64, 8), (60, 16), (0, 16), (64, 0)])
def test_a_width_that_cannot_be_shared_out_is_refused(embed, predictions):
    with pytest.raises(MimicError, match="cannot be divided among"):
        ConvNeXtHead(8, 3, embed=embed, predictions=predictions)
