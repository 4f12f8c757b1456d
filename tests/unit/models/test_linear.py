"""Linear layers through oneDNN: the same sums as torch's own, forward and back, and only where they are faster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mimic_core.models import linear
from mimic_core.models.linear import OneDNNLinear, matrix_product, onednn_is_faster, speed_up_linear_layers

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch was built without oneDNN"
)
SIZES = st.integers(1, 40)


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for what the system says of the processor: AVX-512, and a maker that a test writes."""
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(linear, "CPUINFO", file)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    onednn_is_faster.cache_clear()
    yield file
    onednn_is_faster.cache_clear()


def fast_twin(layer: nn.Linear) -> OneDNNLinear:
    twin = OneDNNLinear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    twin.load_state_dict(layer.state_dict())
    return twin


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=0, max_size=3), SIZES, SIZES, st.booleans(), st.integers(0, 1000))
def test_output_and_gradients_are_torchs_own(
    shape: list[int], inputs: int, outputs: int, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    usual = nn.Linear(inputs, outputs, bias=bias)
    fast = fast_twin(usual)
    x = torch.randn(*shape, inputs)
    weights = torch.randn(*shape, outputs)
    found = []
    for layer in (usual, fast):
        own = x.clone().requires_grad_()
        out = layer(own)
        (out * weights).sum().backward()
        found.append([out.detach(), own.grad, *(parameter.grad for parameter in layer.parameters())])
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_strided_input_and_frozen_weights() -> None:
    torch.manual_seed(0)
    usual = nn.Linear(6, 5).requires_grad_(False)
    x = torch.randn(4, 6, 3).transpose(1, 2).requires_grad_()
    out = fast_twin(usual).requires_grad_(False)(x)
    torch.testing.assert_close(out, usual(x), rtol=1e-5, atol=1e-6)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(gradient, usual.weight.sum(0).expand_as(x), rtol=1e-5, atol=1e-6)


def test_other_precisions_take_the_usual_way() -> None:
    torch.manual_seed(0)
    usual = nn.Linear(8, 4)
    x = torch.randn(3, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(fast_twin(usual)(x), usual(x))
    assert torch.equal(fast_twin(usual).double()(x.double()), usual.double()(x.double()))


def test_compiled_code_takes_the_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = fast_twin(nn.Linear(8, 4))
    x = torch.randn(3, 8)
    expected = layer(x)
    monkeypatch.setattr(linear, "product", None)
    torch.testing.assert_close(torch.compile(layer, backend="aot_eager")(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("maker", "swapped"), [("AuthenticAMD", True), ("GenuineIntel", False)])
def test_layers_are_swapped_on_processors_whose_vectors_mkl_leaves_idle(
    processor: Path, maker: str, swapped: bool
) -> None:
    processor.write_text(f"processor\t: 0\nvendor_id\t: {maker}\n")
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Sequential(nn.Linear(3, 2)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert speed_up_linear_layers(model) is model
    assert [type(module) is OneDNNLinear for module in (model[0], model[2][0])] == [swapped, swapped]
    assert list(model.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_unknown_processor_keeps_torchs_layers(processor: Path) -> None:
    assert not processor.exists()
    assert not onednn_is_faster()


def test_operations_are_counted_as_before() -> None:
    layer = nn.Linear(16, 8)
    x = torch.randn(5, 16)
    found = []
    for one in (fast_twin(layer), layer):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            one(x)
        found.append(counter.get_total_flops())
    assert found == [2 * 5 * 16 * 8] * 2


def test_matrix_product(processor: Path) -> None:
    processor.write_text("vendor_id\t: AuthenticAMD\n")
    one, other = torch.randn(4, 6), torch.randn(3, 6)
    torch.testing.assert_close(matrix_product(one, other), one @ other.T, rtol=1e-5, atol=1e-6)
