"""Undo the filters of HDF5 chunks here instead of in HDF5.

HDF5's own filters expand a chunk to whatever size its bytes claim, and then read as many bytes as the array needs,
which crashes the process if the chunk is shorter. Here a chunk expands to exactly its expected size, or is refused.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNKS = 1 << 20  # per dataset
CHUNKS_READ = 1 << 16  # per read
SLACK = 1 << 10  # bytes that a stored chunk may take beyond its length

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
FILTERS = {DEFLATE: "gzip", SHUFFLE: "shuffle", FLETCHER32: "fletcher32", LZF: "lzf"}
CHECKSUM = 4  # bytes that FLETCHER32 adds
LITERAL, LONG = 32, 7  # LZF: first control byte of a back-reference, and the length that another byte extends

Filter = tuple[int, Sequence[int]]  # number and parameters


class Chunk(NamedTuple):
    """A chunk in the file's index: its stored size in bytes, and a bit for each filter that was skipped."""

    stored: int
    mask: int


Chunks = dict[tuple[int, ...], Chunk]  # by start position in the array


def filters_of(dataset: Any) -> list[Filter]:
    """Return the filters of a dataset's chunks, in the order in which they were applied.

    Raises:
        ValueError: a filter is not in :data:`FILTERS`, or the chunks are compressed twice.
    """
    created = dataset.id.get_create_plist()
    found = [created.get_filter(place) for place in range(created.get_nfilters())]
    for number, _, _, name in found:
        if number not in FILTERS:
            label = name.decode("utf-8", "replace") or "without a name"
            raise ValueError(
                f"the dataset uses the filter {number} ({label}); supported are {', '.join(FILTERS.values())}"
            )
    if sum(number in (DEFLATE, LZF) for number, *_ in found) > 1:
        raise ValueError("the dataset is compressed more than once")
    return [(number, values) for number, _, values, _ in found]


def list_chunks(dataset: Any) -> Chunks:
    """Return the chunks of a dataset in its file, without those that were never written.

    Raises:
        ValueError: there are more than :data:`CHUNKS`.
    """
    found: Chunks = {}
    if dataset.chunks is None:
        return found

    def add(info: Any) -> bool | None:
        found[tuple(info.chunk_offset)] = Chunk(int(info.size), int(info.filter_mask))
        return True if len(found) > CHUNKS else None  # anything but None stops the iteration

    dataset.id.chunk_iter(add)
    if len(found) > CHUNKS:
        raise ValueError(f"the dataset has more than {CHUNKS:,} chunks")
    return found


def read_chunks(dataset: Any, row: int | None, chunks: Chunks) -> NDArray[Any]:
    """Read the numbers of a chunked dataset, or those of one row.

    Raises:
        ValueError: the read touches more than :data:`CHUNKS_READ` chunks, or one would expand beyond its length.
        OSError: a chunk is damaged.
    """
    import h5py
    import numpy as np

    filters, sides, dtype = filters_of(dataset), dataset.chunks, dataset.dtype
    length = math.prod(sides) * dtype.itemsize
    first = range(dataset.shape[0]) if row is None else range(row, row + 1)
    spans = [first, *(range(side) for side in dataset.shape[1:])]
    starts = [range(span.start // side * side, span.stop, side) for span, side in zip(spans, sides, strict=True)]
    if math.prod(map(len, starts)) > CHUNKS_READ:
        raise ValueError(f"an array of shape {dataset.shape} has too many chunks, of shape {sides}")
    for start in itertools.product(*starts):
        if start in chunks:
            check_stored(chunks[start], filters, length)
    if not filters:
        return np.asarray(dataset[()] if row is None else dataset[row])
    if h5py.h5t.py_create(dtype) != dataset.id.get_type():
        raise ValueError("the dataset has an unusual type of numbers")
    found = np.full([len(span) for span in spans], dataset.fillvalue, dtype)
    for start in itertools.product(*starts):
        if start not in chunks:
            continue
        mask, data = dataset.id.read_direct_chunk(start)
        chunk = np.frombuffer(unfiltered(data, mask, filters, length), dtype).reshape(sides)
        places, parts = [], []
        for begin, side, span in zip(start, sides, spans, strict=True):
            low, high = max(begin, span.start), min(begin + side, span.stop)
            places.append(slice(low - span.start, high - span.start))
            parts.append(slice(low - begin, high - begin))
        found[tuple(places)] = chunk[tuple(parts)]
    return found if row is None else found[0]


def check_stored(chunk: Chunk, filters: Sequence[Filter], length: int) -> None:
    """Check that a chunk's stored size is possible for its length.

    Raises:
        OSError: the chunk is empty or too large.
    """
    if (not filters and chunk.stored != length) or not 0 < chunk.stored <= length + length // 8 + SLACK:
        raise OSError(f"a chunk of {length:,} bytes takes {chunk.stored:,} in the file")


def unfiltered(data: bytes, mask: int, filters: Sequence[Filter], length: int) -> bytes:
    """Undo a chunk's filters and return its content, exactly ``length`` bytes.

    Args:
        data: the stored bytes.
        mask: a bit for each filter that was skipped for this chunk.
        filters: the filters in the order in which they were applied.
        length: the chunk's size in bytes.

    Raises:
        ValueError: it would expand to more bytes.
        OSError: it is damaged.
    """
    most = length + CHECKSUM * len(filters)
    for place in reversed(range(len(filters))):
        number, values = filters[place]
        if mask >> place & 1:
            continue
        if number == DEFLATE:
            data = inflate(data, most)
        elif number == LZF:
            data = decompress_lzf(data, most)
        elif number == SHUFFLE:
            data = unshuffle(data, values[0] if values else 1)
        else:
            data = verify_checksum(data)
    if len(data) != length:
        raise OSError(f"a chunk of {length:,} bytes holds {len(data):,}")
    return data


def inflate(data: bytes, most: int) -> bytes:
    """Decompress with zlib; raises as :func:`unfiltered`."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, most + 1)
    except zlib.error as error:
        raise OSError(str(error)) from None
    if len(found) > most:
        raise ValueError(f"a chunk expands to more than the allowed {most:,} bytes")
    return found


def decompress_lzf(data: bytes, most: int) -> bytes:
    """Decompress LZF; raises as :func:`unfiltered`."""
    found, place = bytearray(), 0
    try:
        while place < len(data):
            control = data[place]
            place += 1
            if control < LITERAL:
                found += data[place : place + control + 1]
                place += control + 1
            else:
                length = control >> 5
                if length == LONG:
                    length += data[place]
                    place += 1
                start = len(found) - ((control & 31) << 8) - data[place] - 1
                place += 1
                for step in range(length + 2) if start >= 0 else ():
                    found.append(found[start + step])  # a back-reference may overlap its own output
            if len(found) > most:
                raise ValueError(f"a chunk expands to more than the allowed {most:,} bytes")
    except IndexError:
        raise OSError("an LZF chunk is cut off") from None
    return bytes(found)


def unshuffle(data: bytes, size: int) -> bytes:
    """Undo the shuffle filter, which groups bytes by their position in a number of ``size`` bytes."""
    import numpy as np

    if not 1 < size <= len(data):
        return data
    whole = len(data) // size * size
    numbers = np.frombuffer(data, np.uint8, whole).reshape(size, -1).T
    return numbers.tobytes() + data[whole:]


def verify_checksum(data: bytes) -> bytes:
    """Verify and remove the Fletcher checksum at the end.

    Raises:
        OSError: the checksum does not match.
    """
    data, stored = data[:-CHECKSUM], int.from_bytes(data[-CHECKSUM:], "little")
    found = fletcher32(data)
    swapped = int.from_bytes(found.to_bytes(4, "big")[i ^ 1] for i in range(4))
    if stored not in (found, swapped):  # HDF5 1.6.2 and before swapped the bytes of each half
        raise OSError("a chunk's checksum does not match")
    return data


def fletcher32(data: bytes) -> int:
    """Return Fletcher's checksum as HDF5 computes it, over big-endian 16-bit words."""
    import numpy as np

    words = np.frombuffer(data + bytes(len(data) % 2), ">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % 65535
    sums = (int(words.sum()), int((weights * words % 65535).sum()))
    low, high = ((total - 1) % 65535 + 1 if words.any() else 0 for total in sums)
    return high << 16 | low
