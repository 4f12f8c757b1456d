"""The storages of a checkpoint's tensors: ranges of bytes of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from mimic_core.models.weights.machine import DamagedError


@dataclass(frozen=True)
class StorageKind:
    """The dtype of a storage; None: untyped bytes, whose tensors state their dtype."""

    dtype: torch.dtype | None


@dataclass(frozen=True)
class Storage:
    """A range of numbers.

    Attributes:
        data: the bytes.
        dtype: type of the numbers.
        count: how many numbers.
        shift: how many numbers of ``data`` precede them.
    """

    data: torch.UntypedStorage
    dtype: torch.dtype
    count: int
    shift: int = 0

    def as_type(self, dtype: Any) -> Storage:
        """Reinterpret the bytes as numbers of another type."""
        if not isinstance(dtype, torch.dtype):
            raise DamagedError("a tensor in it has no dtype")
        size = self.count * self.dtype.itemsize
        return Storage(self.data, dtype, size // dtype.itemsize)


def read_storage(reference: Any, data_of: Callable[[str, int, torch.dtype], torch.UntypedStorage]) -> Storage:
    """Return the storage that one of torch's persistent ids refers to.

    Args:
        reference: ``("storage", kind, key, device, count)``; in legacy files also a view of the storage.
        data_of: returns the bytes of a key, given the count and the dtype of its numbers.
    """
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
        raise DamagedError("it refers to data other than a tensor's")
    _, kind, key, _, count, *views = reference
    if not isinstance(kind, StorageKind) or not isinstance(key, str) or not is_size(count):
        raise DamagedError("it refers to data other than a tensor's")
    dtype = kind.dtype or torch.uint8
    whole = Storage(data_of(key, count, dtype), dtype, count)
    if not views or views[0] is None:
        return whole
    if not isinstance(views[0], tuple) or len(views[0]) != 3 or not all(map(is_size, views[0][1:])):
        raise DamagedError("it refers to data other than a tensor's")
    _, shift, length = views[0]
    if shift + length > count:
        raise DamagedError("a tensor in it extends beyond its data")
    return replace(whole, count=length, shift=shift)


def is_size(value: Any) -> bool:
    """Return whether a value is an integer that can be a size."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 56
