"""What tensors of a checkpoint lie in: stretches of bytes of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from mimic_core.models.weights.machine import DamagedError


@dataclass(frozen=True)
class StorageKind:
    """The type of the numbers that a storage holds; None: bytes whose tensors say it."""

    dtype: torch.dtype | None


@dataclass(frozen=True)
class Storage:
    """A stretch of numbers.

    Attributes:
        data: the bytes.
        dtype: of the numbers.
        count: how many.
        shift: numbers of ``data`` that come before.
    """

    data: torch.UntypedStorage
    dtype: torch.dtype
    count: int
    shift: int = 0

    def as_type(self, dtype: Any) -> Storage:
        """The same bytes as numbers of another type."""
        if not isinstance(dtype, torch.dtype):
            raise DamagedError("a tensor in it has no type")
        size = self.count * self.dtype.itemsize
        return Storage(self.data, dtype, size // dtype.itemsize)


def read_storage(reference: Any, data_of: Callable[[str, int, torch.dtype], torch.UntypedStorage]) -> Storage:
    """The storage that a persistent id of torch's refers to.

    Args:
        reference: ``("storage", kind, key, device, count)``, in legacy files with a view of it.
        data_of: the bytes of a key, given how many numbers of which type they should be.
    """
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
        raise DamagedError("it refers to other data than tensors'")
    _, kind, key, _, count, *views = reference
    if not isinstance(kind, StorageKind) or not isinstance(key, str) or not is_size(count):
        raise DamagedError("it refers to other data than tensors'")
    dtype = kind.dtype or torch.uint8
    whole = Storage(data_of(key, count, dtype), dtype, count)
    if not views or views[0] is None:
        return whole
    if not isinstance(views[0], tuple) or len(views[0]) != 3 or not all(map(is_size, views[0][1:])):
        raise DamagedError("it refers to other data than tensors'")
    _, shift, length = views[0]
    if shift + length > count:
        raise DamagedError("a tensor in it lies beyond its data")
    return replace(whole, count=length, shift=shift)


def is_size(value: Any) -> bool:
    """True of whole numbers that a size may be."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 56
