"""Linear layers in float32 on processors where torch's own products leave half of the vector units idle.

torch hands float32 products of matrices on a CPU to MKL, which takes its AVX2 kernels on processors that are not
Intel's. oneDNN takes AVX-512 wherever it is: on an AMD EPYC that has it, products are twice as fast (torch 2.13). torch
calls it for bfloat16, for convolutions and from compiled code; here the operator of compiled code is called directly.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

CPUINFO = Path("/proc/cpuinfo")


@cache
def onednn_is_faster() -> bool:
    """Whether this processor has AVX-512 that MKL does not use, and torch the operator that does."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not CPUINFO.is_file():
        return False
    libraries = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    there = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return libraries and there and "GenuineIntel" not in CPUINFO.read_text(encoding="utf-8")


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` of float32 (rows, inputs), (outputs, inputs) and (outputs,), by oneDNN on a CPU."""
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return out


class Product(torch.autograd.Function):
    """:func:`product` with its gradients, which are products too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(rows, outputs) of (rows, inputs)."""
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of those arguments that ask for one."""
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias = ctx.needs_input_grad
        return (
            product(gradient, weight.t()) if to_x else None,
            product(gradient.t(), x.t()) if to_weight else None,
            gradient.sum(0) if to_bias else None,
        )


class OneDNNLinear(nn.Linear):
    """A linear layer of the same parameters under the same names, computed by oneDNN in float32 on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs); other precisions and devices, and compiled code, take the usual way."""
        in_float32 = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        if not in_float32 or torch.compiler.is_compiling():  # the compiler takes the operator with constants only
            return super().forward(x)
        out: Tensor = Product.apply(x.reshape(-1, self.in_features), self.weight, self.bias)
        return out.reshape(*x.shape[:-1], self.out_features)


def speed_up_linear_layers(model: nn.Module) -> nn.Module:
    """Let every plain linear layer of a model be computed the faster way on this processor; returns the model."""
    if onednn_is_faster():
        for module in model.modules():
            if type(module) is nn.Linear:
                module.__class__ = OneDNNLinear
    return model


def matrix_product(one: Tensor, other: Tensor) -> Tensor:
    """``one @ other.T`` of two matrices the fastest way there is on their device."""
    fast = one.device.type == "cpu" and one.dtype == torch.float32 and onednn_is_faster()
    return product(one, other) if fast else one @ other.T


@register_flop_formula(torch.ops.mkldnn._linear_pointwise)
def product_flops(x: torch.Size, weight: torch.Size, *_: Any, **__: Any) -> int:
    """A multiplication and an addition for every row, input and output, so that counted operations do not change."""
    return 2 * x[0] * x[1] * weight[0]
