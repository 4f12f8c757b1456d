"""Checkpoints that torch pickled, read without running anything in them.

:data:`ADMITTED` names the classes and functions that may stand in a file, and what takes the place of each. Any other
is refused before it is called.
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

MOST_AXES = 16  # of a tensor


class NumberType:
    """Takes the place of ``numpy.dtype``: the kind and size of one number, never an object's."""

    takes_state = True

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


def number(kind: NumberType, data: bytes) -> bool | int | float:
    """Takes the place of NumPy's scalars (such as DINO's learning rates): a plain number."""
    if not re.fullmatch(r"b1|[iu][1248]|f[248]", kind.code) or kind.order not in ("<", ">", "=", "|"):
        raise pickle.UnpicklingError("GLOBAL numpy.object_")
    value: bool | int | float = np.frombuffer(data, kind.order + kind.code)[0].item()
    return value


class NotRead:
    """Takes the place of tensors of other kinds: sparse, quantised, without values, or larger than what is stored.

    Attributes:
        what: which.
    """

    def __init__(self, what: str) -> None:
        self.what = what


def tensor(storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor | NotRead:
    """A tensor over a storage; one that has more values than that has none of its own (expanded) and is not read."""
    numbers = [offset, *size, *stride]
    if not isinstance(storage, Storage) or len(size) != len(stride) or len(size) > MOST_AXES:
        raise DamagedError("a tensor in it has no shape")
    if not all(isinstance(value, int) and 0 <= value < 1 << 62 for value in numbers):
        raise DamagedError("a tensor in it has no shape")
    if math.prod(size) > storage.count:
        return NotRead("expanded tensor")
    if 0 not in size and offset + sum((s - 1) * step for s, step in zip(size, stride, strict=True)) >= storage.count:
        raise DamagedError("a tensor in it lies beyond its data")
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
) -> Tensor | NotRead:
    """A tensor of a type that has no storages of its own."""
    return tensor(storage.as_type(dtype), offset, size, stride)


def same(value: Any, *_: Any) -> Any:
    """The first argument: a parameter is its tensor, a counter its counts, a size its numbers."""
    return value


def of_kind(function: Any, _: Any, arguments: tuple[Any, ...], *__: Any) -> Any:
    """A tensor with attributes, which are left out."""
    build = ADMITTED.get(getattr(function, "full", ""))
    if build not in (tensor, tensor_of_type, same) or not isinstance(arguments, tuple):
        return NotRead("tensor of another kind")
    return build(*arguments)


def dictionary(pairs: Any = ()) -> dict[Any, Any]:
    """An ordered dict, as those of Python 2 are written: by its pairs."""
    if isinstance(pairs, dict):
        return pairs
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        raise DamagedError("a dict in it has no keys")
    return {key: value for key, value in pairs}  # noqa: C416 (dict() of lists would take longer ones)


def encoded(text: Any = b"", encoding: str = "latin-1") -> bytes:
    """Bytes, as protocol 2 writes them."""
    if isinstance(text, str) and encoding in ("latin1", "latin-1"):
        return text.encode("latin-1")
    if isinstance(text, bytes):
        return text
    raise DamagedError("bytes in it are none")


def members(values: Any = ()) -> list[Any]:
    """A set's members as a list: nothing has to be hashed."""
    return values if isinstance(values, list) else []


def text_of(*parts: Any) -> str:
    """What names a device or a layout."""
    return ":".join(str(part) for part in parts if isinstance(part, str | int))


def not_read(what: str) -> Callable[..., NotRead]:
    """The stand-in of a kind of tensor that is not read."""
    return lambda *_, **__: NotRead(what)


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
    # folders among these ``args``; a pure path cannot touch files
    **{f"{module}.PosixPath": PurePosixPath for module in ("pathlib", "pathlib._local")},
    **{f"{module}.PurePosixPath": PurePosixPath for module in ("pathlib", "pathlib._local")},
    **{f"{module}.WindowsPath": PureWindowsPath for module in ("pathlib", "pathlib._local")},
    "numpy.dtype": NumberType,
    "numpy.core.multiarray.scalar": number,
    "numpy._core.multiarray.scalar": number,
    "torch.Size": same,
    "torch.device": text_of,
    "torch.serialization._get_layout": text_of,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_tensor_v3": tensor_of_type,
    "torch._utils._rebuild_parameter": same,
    "torch._utils._rebuild_parameter_with_state": same,
    "torch._tensor._rebuild_from_type_v2": of_kind,
    "torch.Tensor": not_read("tensor of another kind"),
    "torch.nn.parameter.Parameter": same,
    **{name: not_read(what) for name, what in OTHER_TENSORS.items()},
    **{f"torch.{name}": name for name in SCHEMES},  # of quantised tensors
    **TYPES,
    **{
        f"{module}.{name}Storage": StorageKind(dtype)
        for module in ("torch", "torch.cuda")
        for name, dtype in STORAGES.items()
    },
    **{f"{module}.UntypedStorage": StorageKind(None) for module in ("torch", "torch.storage")},
}
