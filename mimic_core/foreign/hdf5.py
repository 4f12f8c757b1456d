"""HDF5 files of others: what lies in the file itself, bounded before it is read, and nothing that runs code.

HDF5 leads a reader out of its file (soft and external links, external storage, virtual datasets), loads filters from
folders of plugins, and expands chunks to any size. Datasets are therefore asked how they are stored before anything
else: the shape of a virtual one alone opens the files that it names.

Functions raise ``ValueError`` and what h5py raises; callers read under :func:`mimic_core.foreign.reading.foreign`.
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

ARRAY_BYTES = 1 << 28  # of what is read at once
CHUNK_BYTES = 1 << 28  # of one chunk, which is always read whole
MEMBERS = 1 << 20  # of a group


@contextmanager
def open_hdf5(path: str | Path, fault: str = "an HDF5 file that cannot be opened") -> Iterator[Any]:
    """Open a regular file as a ``h5py.File`` for reading, without a lock; no filter is ever loaded from a plugin.

    Args:
        path: the file.
        fault: what is said where it cannot be opened.

    Raises:
        UnreadableError: it is no regular file, or no HDF5.
    """
    import h5py  # only where it is used: it takes longer to import than a mining job to start

    check_regular(path, "an HDF5 file")
    with foreign(fault, path, "fetch the file again, or remove it"):
        while h5py.h5pl.size():
            h5py.h5pl.remove(0)
        file = h5py.File(path, "r", locking=False)
    with file:
        yield file


def members(group: Any) -> list[str]:
    """Names of a group's members, sorted; bytes that are no UTF-8 as surrogates, as in the names of files.

    Raises:
        ValueError: ``group`` is none, or has more than :data:`MEMBERS`.
    """
    require_group(group)
    names: list[bytes] = []

    def add(name: bytes) -> bool | None:
        names.append(name)
        return True if len(names) > MEMBERS else None  # anything but None ends it

    group.id.links.iterate(add)
    if len(names) > MEMBERS:
        raise ValueError(f"a group of more than {MEMBERS:,} members")
    return sorted(name.decode("utf-8", "surrogateescape") for name in names)


def member(group: Any, name: str) -> Any:
    """A group's member of that name, one of :func:`members`.

    Raises:
        ValueError: ``group`` is none, there is no such member, or it is a link: to elsewhere in the file, or out of it.
    """
    import h5py

    require_group(group)
    raw = name.encode("utf-8", "surrogateescape")
    if name in ("", ".") or "/" in name or "\0" in name:  # HDF5 would follow it as a path
        raise ValueError(f"{name!r} is not the name of a member")
    if not group.id.links.exists(raw):
        raise ValueError(f"there is no {name!r}")
    if group.id.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{name!r} is a link to somewhere else")
    return group[raw]


def require_group(group: Any) -> None:
    """Raise where something that should be a group is a dataset or a type."""
    import h5py

    if not isinstance(group, h5py.Group):
        raise ValueError("a group was expected, and this is none")


def check_array(dataset: Any, kinds: str) -> None:
    """See that a dataset lies in its file, is stored by known filters and holds numbers of these kinds.

    Args:
        dataset: a member of a group.
        kinds: ``dtype.kind`` of the numbers allowed, such as ``"f"`` or ``"ui"``.

    Raises:
        ValueError: it does not.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError("not a dataset")
    stored = dataset.id.get_create_plist()
    if stored.get_layout() == h5py.h5d.VIRTUAL or stored.get_external_count():
        raise ValueError("a dataset that lies in other files")
    filters_of(dataset)
    if dataset.dtype.kind not in kinds:
        raise ValueError(f"numbers of type {dataset.dtype}")
    if dataset.shape is None:
        raise ValueError("a dataset of nothing")


def read_array(dataset: Any, kinds: str, row: int | None = None, chunks: Chunks | None = None) -> NDArray[Any]:
    """A dataset's numbers, or those of one row (its first axis).

    Args:
        dataset: a member of a group.
        kinds: as :func:`check_array` has them.
        row: which; None: all.
        chunks: :func:`mimic_core.foreign.hdf5_chunks.list_chunks` of this dataset; None: they are listed.

    Raises:
        ValueError: the dataset may not be read (:func:`check_array`), or asks for more than the bounds of this module.
        OSError: a part of it is damaged.
    """
    import numpy as np

    check_array(dataset, kinds)
    shape, sides = dataset.shape if row is None else dataset.shape[1:], dataset.chunks
    if math.prod(shape) * dataset.dtype.itemsize > ARRAY_BYTES:
        raise ValueError(f"an array of shape {dataset.shape}; at most {ARRAY_BYTES:,} bytes are read")
    if sides is None:
        return np.asarray(dataset[()] if row is None else dataset[row])
    if math.prod(sides) * dataset.dtype.itemsize > CHUNK_BYTES:
        raise ValueError(f"chunks of shape {sides}; at most {CHUNK_BYTES:,} bytes are read")
    return read_chunks(dataset, row, list_chunks(dataset) if chunks is None else chunks)
