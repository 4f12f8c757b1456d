"""Read checkpoints that torch pickled without running anything in them.

:data:`ADMITTED` is the allowlist of classes and functions that a file may name, with a safe stand-in for each. Any
other name is refused before anything is called.
"""

from __future__ import annotations

import argparse
import math
import pickle
import re
from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimic_core.models.weights.machine import DamagedError
from mimic_core.models.weights.storages import Storage, StorageKind

MOST_AXES = 16  # limit for a tensor


class NumberType:
    """Stand-in for ``numpy.dtype``: the kind and size of a number, never of an object."""

    takes_state = True

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


def number(kind: NumberType, data: bytes) -> bool | int | float:
    """Stand-in for NumPy's scalars (such as DINO's learning rates): return a plain number."""
    if not re.fullmatch(r"b1|[iu][1248]|f[248]", kind.code) or kind.order not in ("<", ">", "=", "|"):
        raise pickle.UnpicklingError("GLOBAL numpy.object_")
    value: bool | int | float = np.frombuffer(data, kind.order + kind.code)[0].item()
    return value


class UnsupportedTensor:
    """Stand-in for a tensor that is not read: sparse, quantised, without values, or larger than its storage.

    Attributes:
        what: the kind of tensor, for messages.
    """

    def __init__(self, what: str) -> None:
        self.what = what


def tensor(
    storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor | UnsupportedTensor:
    """Return a tensor over a storage; one with more values than its storage (expanded) is not supported."""
    numbers = [offset, *size, *stride]
    if not isinstance(storage, Storage) or len(size) != len(stride) or len(size) > MOST_AXES:
        raise DamagedError("a tensor in it has an invalid shape")
    if not all(isinstance(value, int) and 0 <= value < 1 << 62 for value in numbers):
        raise DamagedError("a tensor in it has an invalid shape")
    if math.prod(size) > storage.count:
        return UnsupportedTensor("expanded tensor")
    if 0 not in size and offset + sum((s - 1) * step for s, step in zip(size, stride, strict=True)) >= storage.count:
        raise DamagedError("a tensor in it extends beyond its data")
    if 0 in size:
        return torch.empty(0, dtype=storage.dtype).view(tuple(size))
    return torch.empty(0, dtype=storage.dtype).set_(storage.data, offset + storage.shift, tuple(size), tuple(stride))


def tensor_of_type(
    storage: Storage,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    _: Any,
    __: Any,
    dtype: Any,
    *___: Any,
) -> Tensor | UnsupportedTensor:
    """Return a tensor whose dtype has no storage class of its own."""
    return tensor(storage.as_type(dtype), offset, size, stride)


def first_argument(value: Any, *_: Any) -> Any:
    """Return the first argument: a parameter's tensor, or the numbers of a size."""
    return value


def tensor_with_attributes(function: Any, _: Any, arguments: tuple[Any, ...], *__: Any) -> Any:
    """Return a tensor without the attributes that were saved with it."""
    build = ADMITTED.get(getattr(function, "full", ""))
    if build not in (tensor, tensor_of_type, first_argument) or not isinstance(arguments, tuple):
        return UnsupportedTensor("tensor of another kind")
    return build(*arguments)


def dictionary(pairs: Any = ()) -> dict[Any, Any]:
    """Return a dict, given as a dict or, as Python 2 pickles an ordered dict, as pairs."""
    if isinstance(pairs, dict):
        return pairs
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        raise DamagedError("a dict in it has invalid items")
    return {key: value for key, value in pairs}  # noqa: C416 (unpacks each pair explicitly)


def encoded(text: Any = b"", encoding: str = "latin-1") -> bytes:
    """Return bytes, which protocol 2 writes as text in Latin-1."""
    if isinstance(text, str) and encoding in ("latin1", "latin-1"):
        return text.encode("latin-1")
    if isinstance(text, bytes):
        return text
    raise DamagedError("it holds invalid bytes")


def members(values: Any = ()) -> list[Any]:
    """Return a set's members as a list, so that nothing has to be hashed."""
    return values if isinstance(values, list) else []


def joined_text(*parts: Any) -> str:
    """Return the name of a device or a layout as text."""
    return ":".join(str(part) for part in parts if isinstance(part, str | int))


def unsupported(what: str) -> Callable[..., UnsupportedTensor]:
    """Return the stand-in for a kind of tensor that is not read."""
    return lambda *_, **__: UnsupportedTensor(what)


TYPES = {f"torch.{name}": value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
STORAGES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexDouble": torch.complex128,
    "ComplexFloat": torch.complex64,
    "QInt8": torch.int8,
    "QUInt8": torch.uint8,
    "QInt32": torch.int32,
}
SCHEMES = ("per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric")
OTHER_TENSORS = {
    "torch._utils._rebuild_qtensor": "quantised tensor",
    "torch._utils._rebuild_sparse_tensor": "sparse tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "tensor without values",
    "torch._utils._rebuild_nested_tensor": "nested tensor",
    "torch._utils._rebuild_wrapper_subclass": "tensor of another kind",
}
ADMITTED: dict[str, Any] = {
    "collections.OrderedDict": dictionary,
    "collections.Counter": dictionary,
    "_codecs.encode": encoded,
    "builtins.bytearray": encoded,
    "builtins.complex": complex,
    "builtins.set": members,
    "argparse.Namespace": argparse.Namespace,  # ``args`` of MAE, MIMIC and DINO
    # folders among these ``args``; pure paths cannot touch files
    **{f"{module}.PosixPath": PurePosixPath for module in ("pathlib", "pathlib._local")},
    **{f"{module}.PurePosixPath": PurePosixPath for module in ("pathlib", "pathlib._local")},
    **{f"{module}.WindowsPath": PureWindowsPath for module in ("pathlib", "pathlib._local")},
    "numpy.dtype": NumberType,
    "numpy.core.multiarray.scalar": number,
    "numpy._core.multiarray.scalar": number,
    "torch.Size": first_argument,
    "torch.device": joined_text,
    "torch.serialization._get_layout": joined_text,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_tensor_v3": tensor_of_type,
    "torch._utils._rebuild_parameter": first_argument,
    "torch._utils._rebuild_parameter_with_state": first_argument,
    "torch._tensor._rebuild_from_type_v2": tensor_with_attributes,
    "torch.Tensor": unsupported("tensor of another kind"),
    "torch.nn.parameter.Parameter": first_argument,
    **{name: unsupported(what) for name, what in OTHER_TENSORS.items()},
    **{f"torch.{name}": name for name in SCHEMES},  # of quantised tensors
    **TYPES,
    **{
        f"{module}.{name}Storage": StorageKind(dtype)
        for module in ("torch", "torch.cuda")
        for name, dtype in STORAGES.items()
    },
    **{f"{module}.UntypedStorage": StorageKind(None) for module in ("torch", "torch.storage")},
}
