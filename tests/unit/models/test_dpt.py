"""The DPT head against the released one, and its behaviour at other sizes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mimic_core.kit.errors import MimicError
from mimic_core.models.dpt import DPTHead

GOLDEN = Path(__file__).parents[2] / "golden" / "dpt_regression_head.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN, allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def released(golden) -> DPTHead:
    head = DPTHead(24, 3, (8, 12, 16, 24), 16)
    prefix = "weights/"
    head.load_state_dict(
        {name[len(prefix) :]: torch.from_numpy(golden[name]) for name in golden if name.startswith(prefix)}, strict=True
    )
    return head.eval()


def test_the_released_head_is_reproduced(golden, released):
    tokens = [torch.from_numpy(golden[f"tokens{layer}"]) for layer in range(4)]
    with torch.no_grad():
        output = released(tokens, (4, 4))
    assert output.shape == (2, 3, 64, 64)
    assert np.abs(output.numpy() - golden["out"]).max() < 1e-5


def test_a_parameter_with_two_names_is_one_parameter(released):
    names = released.state_dict()
    assert released.act_1_postprocess is released.act_postprocess[0]
    assert released.scratch.layer1_rn is released.scratch.layer_rn[0]
    assert len(list(released.parameters())) == len({value.data_ptr() for value in names.values()}) < len(names)


def test_every_parameter_but_the_deepest_skip_unit_learns():
    torch.manual_seed(0)
    head = DPTHead(8, 1, (4, 4, 4, 4), 4)
    head([torch.randn(1, 4, 8) for _ in range(4)], (2, 2)).sum().backward()
    idle = {name for name, parameter in head.named_parameters() if parameter.grad is None}
    assert idle and all(name.startswith("scratch.refinenet4.resConfUnit1") for name in idle)


@pytest.mark.parametrize("grid", [(7, 7), (3, 4), (1, 1)])
def test_odd_and_oblong_grids_give_sixteen_pixels_a_patch(grid):
    head = DPTHead(8, 2, (4, 4, 4, 4), 4)
    tokens = [torch.zeros(1, grid[0] * grid[1], 8) for _ in range(4)]
    assert head(tokens, grid).shape == (1, 2, 16 * grid[0], 16 * grid[1])


def test_another_number_of_levels_is_refused():
    with pytest.raises(MimicError, match="takes 4 layers, not 3"):
        DPTHead(8, 1, (4, 4, 4), 4)
