"""Read untrusted HDF5 files: only data in the file itself, bounded before reading, and without running code.

HDF5 can lead a reader out of its file (soft and external links, external storage, virtual datasets), load filters from
plugin folders, and expand chunks to any size. So a dataset's storage is checked before anything else: even asking a
virtual dataset for its shape opens the files that it names.

Functions raise ``ValueError`` and h5py's errors; callers wrap them in :func:`mimic_core.foreign.reading.foreign`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimic_core.foreign import check_regular, foreign
from mimic_core.foreign.hdf5_chunks import Chunks, filters_of, list_chunks, read_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARRAY_BYTES = 1 << 28  # per read
CHUNK_BYTES = 1 << 28  # per chunk, which is always read whole
MEMBERS = 1 << 20  # per group


@contextmanager
def open_hdf5(path: str | Path, fault: str = "the HDF5 file cannot be opened") -> Iterator[Any]:
    """Open a regular file as an ``h5py.File`` for reading, without a lock or filter plugins.

    Args:
        path: the file.
        fault: the error message if it cannot be opened.

    Raises:
        UnreadableError: it is not a regular file, or not HDF5.
    """
    import h5py  # imported here, since it takes longer than a mining job to start

    check_regular(path, "an HDF5 file")
    with foreign(fault, path, "fetch the file again, or remove it"):
        while h5py.h5pl.size():
            h5py.h5pl.remove(0)
        file = h5py.File(path, "r", locking=False)
    with file:
        yield file


def members(group: Any) -> list[str]:
    """Return the sorted names of a group's members; bytes that are not UTF-8 become surrogates, as in file names.

    Raises:
        ValueError: ``group`` is not a group, or has more than :data:`MEMBERS`.
    """
    require_group(group)
    names: list[bytes] = []

    def add(name: bytes) -> bool | None:
        names.append(name)
        return True if len(names) > MEMBERS else None  # anything but None stops the iteration

    group.id.links.iterate(add)
    if len(names) > MEMBERS:
        raise ValueError(f"a group has more than {MEMBERS:,} members")
    return sorted(name.decode("utf-8", "surrogateescape") for name in names)


def member(group: Any, name: str) -> Any:
    """Return a group's member by name, one of :func:`members`.

    Raises:
        ValueError: ``group`` is not a group, there is no such member, or it is a link within or out of the file.
    """
    import h5py

    require_group(group)
    raw = name.encode("utf-8", "surrogateescape")
    if name in ("", ".") or "/" in name or "\0" in name:  # HDF5 would read it as a path
        raise ValueError(f"{name!r} is not the name of a member")
    if not group.id.links.exists(raw):
        raise ValueError(f"there is no member {name!r}")
    if group.id.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{name!r} is a link to somewhere else")
    return group[raw]


def require_group(group: Any) -> None:
    """Raise an error for a dataset or type where a group is expected."""
    import h5py

    if not isinstance(group, h5py.Group):
        raise ValueError("a group was expected, but this is not one")


def check_array(dataset: Any, kinds: str) -> None:
    """Check that a dataset lies in its own file, uses known filters and holds numbers of these kinds.

    Args:
        dataset: a member of a group.
        kinds: allowed values of ``dtype.kind``, such as ``"f"`` or ``"ui"``.

    Raises:
        ValueError: one of these does not hold.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError("this is not a dataset")
    stored = dataset.id.get_create_plist()
    if stored.get_layout() == h5py.h5d.VIRTUAL or stored.get_external_count():
        raise ValueError("the dataset lies in other files")
    filters_of(dataset)
    if dataset.dtype.kind not in kinds:
        raise ValueError(f"the dataset has the unexpected type {dataset.dtype}")
    if dataset.shape is None:
        raise ValueError("the dataset is empty")


def read_array(dataset: Any, kinds: str, row: int | None = None, chunks: Chunks | None = None) -> NDArray[Any]:
    """Read a dataset's numbers, or those of one row (along its first axis).

    Args:
        dataset: a member of a group.
        kinds: as in :func:`check_array`.
        row: index of the row; None reads all.
        chunks: :func:`mimic_core.foreign.hdf5_chunks.list_chunks` of this dataset; listed here if None.

    Raises:
        ValueError: the dataset may not be read (:func:`check_array`), or exceeds the bounds of this module.
        OSError: a part of it is damaged.
    """
    import numpy as np

    check_array(dataset, kinds)
    shape, sides = dataset.shape if row is None else dataset.shape[1:], dataset.chunks
    if math.prod(shape) * dataset.dtype.itemsize > ARRAY_BYTES:
        raise ValueError(f"an array has the shape {dataset.shape}; at most {ARRAY_BYTES:,} bytes are read")
    if sides is None:
        return np.asarray(dataset[()] if row is None else dataset[row])
    if math.prod(sides) * dataset.dtype.itemsize > CHUNK_BYTES:
        raise ValueError(f"chunks have the shape {sides}; at most {CHUNK_BYTES:,} bytes are read")
    return read_chunks(dataset, row, list_chunks(dataset) if chunks is None else chunks)
