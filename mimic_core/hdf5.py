"""HDF5 files of others: what lies in the file itself, bounded before it is read, and nothing that runs code.

HDF5 leads a reader out of its file (soft and external links, external storage, virtual datasets), loads filters from
folders of plugins, and expands chunks to any size. Datasets are therefore asked how they are stored before anything
else: the shape of a virtual one alone opens the files that it names.

Functions raise ``ValueError`` and what h5py raises; callers read under :func:`mimic_core.foreign.foreign`.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mimic_core.foreign import check_regular, foreign

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARRAY_BYTES = 1 << 28  # of what is read at once
CHUNK_BYTES = 1 << 28  # of one chunk, which HDF5 always reads whole
CHUNKS_READ = 1 << 16  # chunks that one read may touch
CHUNKS = 1 << 22  # of a dataset
MEMBERS = 1 << 20  # of a group
EXPANDED = 1 << 29  # bytes that a chunk may take before its length is known
SLACK = 1 << 10  # bytes by which a chunk may be larger than what it holds

DEFLATE, SHUFFLE, FLETCHER32, SZIP, LZF = 1, 2, 3, 4, 32000
RATIOS = {DEFLATE: 1032, LZF: 88, SZIP: 1 << 32}  # the most that a byte becomes
SAFE_FILTERS = frozenset([DEFLATE, SHUFFLE, FLETCHER32, SZIP, LZF])  # built into HDF5 or h5py
LZF_LENGTH = 2  # place of the chunk's length among the parameters of LZF


class Chunk(NamedTuple):
    """A chunk that might expand far: where it starts in the array, and the bytes that it takes in the file."""

    start: tuple[int, ...]
    stored: int


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
    filters = [stored.get_filter(place) for place in range(stored.get_nfilters())]
    for number, _, values, name in filters:
        if number not in SAFE_FILTERS:
            raise ValueError(f"a dataset stored by the filter {number} ({name.decode('utf-8', 'replace')})")
        if number == LZF and (len(values) <= LZF_LENGTH or values[LZF_LENGTH] > CHUNK_BYTES):
            raise ValueError("a dataset compressed by LZF that says no length")
    if sum(number in RATIOS for number, *_ in filters) > 1:
        raise ValueError("a dataset compressed more than once")
    if dataset.dtype.kind not in kinds:
        raise ValueError(f"numbers of type {dataset.dtype}")
    if dataset.shape is None:
        raise ValueError("a dataset of nothing")


def read_array(dataset: Any, kinds: str, row: int | None = None, chunks: Sequence[Chunk] | None = None) -> NDArray[Any]:
    """A dataset's numbers, or those of one row (its first axis).

    Args:
        dataset: a member of a group.
        kinds: as :func:`check_array` has them.
        row: which; None: all.
        chunks: what :func:`large_chunks` said of this dataset; None: it is asked.

    Raises:
        ValueError: the dataset may not be read (:func:`check_array`), or is larger than the bounds of this module.
    """
    check_array(dataset, kinds)
    shape = dataset.shape if row is None else (1, *dataset.shape[1:])
    if math.prod(shape) * dataset.dtype.itemsize > ARRAY_BYTES:
        raise ValueError(f"an array of shape {dataset.shape}; at most {ARRAY_BYTES:,} bytes are read")
    sides = dataset.chunks
    if sides is not None:
        if math.prod(sides) * dataset.dtype.itemsize > CHUNK_BYTES:
            raise ValueError(f"chunks of shape {sides}; at most {CHUNK_BYTES:,} bytes are read")
        if math.prod(-(-length // side) for length, side in zip(shape, sides, strict=True)) > CHUNKS_READ:
            raise ValueError(f"chunks of shape {sides} in an array of shape {dataset.shape}; they are too many")
        for chunk in large_chunks(dataset) if chunks is None else chunks:
            if row is None or chunk.start[0] <= row < chunk.start[0] + sides[0]:
                check_chunk(dataset, chunk, math.prod(sides) * dataset.dtype.itemsize)
    import numpy as np

    return np.asarray(dataset[()] if row is None else dataset[row])


def large_chunks(dataset: Any) -> list[Chunk]:
    """The chunks of a dataset whose compressed bytes could become more than :data:`EXPANDED`, seldom any.

    Raises:
        ValueError: there are more than :data:`CHUNKS`.
    """
    if dataset.chunks is None:
        return []
    ratio = max((RATIOS.get(number, 1) for number in filters_of(dataset)), default=1)
    found: list[Chunk] = []
    seen = 0

    def look(info: Any) -> bool | None:
        nonlocal seen
        seen += 1
        if info.size * ratio > EXPANDED:
            found.append(Chunk(tuple(info.chunk_offset), int(info.size)))
        return True if seen > CHUNKS else None

    dataset.id.chunk_iter(look)
    if seen > CHUNKS:
        raise ValueError(f"a dataset of more than {CHUNKS:,} chunks")
    return found


def filters_of(dataset: Any) -> list[int]:
    """Numbers of the filters that a dataset's chunks went through, in order."""
    stored = dataset.id.get_create_plist()
    return [stored.get_filter(place)[0] for place in range(stored.get_nfilters())]


def check_chunk(dataset: Any, chunk: Chunk, length: int) -> None:
    """See that a chunk expands to no more than the ``length`` bytes that it should hold.

    Raises:
        ValueError: it does, or nothing but expanding it would tell.
    """
    if chunk.stored > length + length // 8 + SLACK:
        raise ValueError(f"a chunk of {length:,} bytes that takes {chunk.stored:,}")
    filters = filters_of(dataset)
    mask, data = dataset.id.read_direct_chunk(chunk.start)
    compressor = next((number for number in filters if number in RATIOS), None)
    if compressor is None or mask & 1 << filters.index(compressor):
        return  # it is stored as it is
    if compressor == DEFLATE:
        expanded = inflated_length(data, length + SLACK)
    elif compressor == SZIP:
        expanded = int.from_bytes(data[:4], "little")
    else:
        expanded = len(data) * RATIOS[compressor]
    if expanded > length + SLACK:
        raise ValueError(f"a chunk of {length:,} bytes that expands to more")


def inflated_length(data: bytes, most: int) -> int:
    """Bytes that a zlib stream expands to, counted as far as ``most``, a step at a time."""
    stream, length = zlib.decompressobj(), 0
    try:
        while length <= most and not stream.eof:
            step = len(stream.decompress(data, 1 << 20))
            data = stream.unconsumed_tail
            if not step and not data:
                break
            length += step
    except zlib.error:  # HDF5 says so where it meets it
        pass
    return length
