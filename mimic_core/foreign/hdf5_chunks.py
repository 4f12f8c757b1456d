"""Filtered chunks of HDF5 arrays, undone here rather than by HDF5.

HDF5's own filters expand a chunk to whatever its bytes ask for, and then read as many bytes of it as the array says,
which ends the process where a chunk is shorter. Here a chunk becomes exactly what it should hold, or is refused.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNKS = 1 << 20  # of a dataset
CHUNKS_READ = 1 << 16  # that one read may touch
SLACK = 1 << 10  # bytes by which a chunk may be larger than what it holds

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
FILTERS = {DEFLATE: "gzip", SHUFFLE: "shuffle", FLETCHER32: "fletcher32", LZF: "lzf"}
CHECKSUM = 4  # bytes that FLETCHER32 adds
LITERAL, LONG = 32, 7  # of LZF: first control byte of a repetition, and the length that another byte adds to

Filter = tuple[int, Sequence[int]]  # number and parameters


class Chunk(NamedTuple):
    """A chunk as the file's index has it: bytes that it takes, and a bit for each filter that was left out."""

    stored: int
    mask: int


Chunks = dict[tuple[int, ...], Chunk]  # by where they start in the array


def filters_of(dataset: Any) -> list[Filter]:
    """The filters that a dataset's chunks went through, in order.

    Raises:
        ValueError: one is none of :data:`FILTERS`, or they compress twice.
    """
    created = dataset.id.get_create_plist()
    found = [created.get_filter(place) for place in range(created.get_nfilters())]
    for number, _, _, name in found:
        if number not in FILTERS:
            told = name.decode("utf-8", "replace") or "without a name"
            raise ValueError(
                f"a dataset stored by the filter {number} ({told}); known are {', '.join(FILTERS.values())}"
            )
    if sum(number in (DEFLATE, LZF) for number, *_ in found) > 1:
        raise ValueError("a dataset compressed more than once")
    return [(number, values) for number, _, values, _ in found]


def list_chunks(dataset: Any) -> Chunks:
    """The chunks that a dataset has in its file; those that were never written are not among them.

    Raises:
        ValueError: there are more than :data:`CHUNKS`.
    """
    found: Chunks = {}
    if dataset.chunks is None:
        return found

    def add(info: Any) -> bool | None:
        found[tuple(info.chunk_offset)] = Chunk(int(info.size), int(info.filter_mask))
        return True if len(found) > CHUNKS else None  # anything but None ends it

    dataset.id.chunk_iter(add)
    if len(found) > CHUNKS:
        raise ValueError(f"a dataset of more than {CHUNKS:,} chunks")
    return found


def read_chunks(dataset: Any, row: int | None, chunks: Chunks) -> NDArray[Any]:
    """The numbers of a chunked dataset, or those of one row.

    Raises:
        ValueError: the read touches more than :data:`CHUNKS_READ` chunks, or one would expand beyond what it holds.
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
        raise ValueError(f"chunks of shape {sides} in an array of shape {dataset.shape}; they are too many")
    for start in itertools.product(*starts):
        if start in chunks:
            check_stored(chunks[start], filters, length)
    if not filters:
        return np.asarray(dataset[()] if row is None else dataset[row])
    if h5py.h5t.py_create(dtype) != dataset.id.get_type():
        raise ValueError("numbers of an unusual type")
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
    """See that a chunk takes as many bytes in the file as one of that length can.

    Raises:
        OSError: it takes none, or more.
    """
    if (not filters and chunk.stored != length) or not 0 < chunk.stored <= length + length // 8 + SLACK:
        raise OSError(f"a chunk of {length:,} bytes that takes {chunk.stored:,} in the file")


def unfiltered(data: bytes, mask: int, filters: Sequence[Filter], length: int) -> bytes:
    """What a chunk holds, exactly ``length`` bytes.

    Args:
        data: as it is stored.
        mask: bits of the filters that were left out for this chunk.
        filters: in the order in which they were applied.
        length: bytes that it should hold.

    Raises:
        ValueError: it would expand to more.
        OSError: it is damaged.
    """
    most = length + CHECKSUM * len(filters)
    for place in reversed(range(len(filters))):
        number, values = filters[place]
        if mask >> place & 1:
            continue
        if number == DEFLATE:
            data = inflated(data, most)
        elif number == LZF:
            data = unpacked(data, most)
        elif number == SHUFFLE:
            data = unshuffled(data, values[0] if values else 1)
        else:
            data = checked(data)
    if len(data) != length:
        raise OSError(f"a chunk of {length:,} bytes that holds {len(data):,}")
    return data


def inflated(data: bytes, most: int) -> bytes:
    """What zlib compressed; see :func:`unfiltered`."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, most + 1)
    except zlib.error as error:
        raise OSError(str(error)) from None
    if len(found) > most:
        raise ValueError(f"a chunk that expands to more than the {most:,} bytes it may")
    return found


def unpacked(data: bytes, most: int) -> bytes:
    """What LZF compressed; see :func:`unfiltered`."""
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
                    found.append(found[start + step])  # what it repeats may reach into the repetition
            if len(found) > most:
                raise ValueError(f"a chunk that expands to more than the {most:,} bytes it may")
    except IndexError:
        raise OSError("an LZF chunk that is cut off") from None
    return bytes(found)


def unshuffled(data: bytes, size: int) -> bytes:
    """Bytes that were put together by their place in a number of ``size`` bytes, number by number again."""
    import numpy as np

    if not 1 < size <= len(data):
        return data
    whole = len(data) // size * size
    numbers = np.frombuffer(data, np.uint8, whole).reshape(size, -1).T
    return numbers.tobytes() + data[whole:]


def checked(data: bytes) -> bytes:
    """What Fletcher's checksum at the end was computed of.

    Raises:
        OSError: it was computed of something else.
    """
    data, stored = data[:-CHECKSUM], int.from_bytes(data[-CHECKSUM:], "little")
    found = fletcher32(data)
    swapped = int.from_bytes(found.to_bytes(4, "big")[i ^ 1] for i in range(4))
    if stored not in (found, swapped):  # HDF5 1.6.2 and before swapped the bytes of each half
        raise OSError("a chunk whose checksum differs")
    return data


def fletcher32(data: bytes) -> int:
    """Fletcher's checksum as HDF5 computes it: of 16-bit words, the first byte the higher."""
    import numpy as np

    words = np.frombuffer(data + bytes(len(data) % 2), ">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % 65535
    sums = (int(words.sum()), int((weights * words % 65535).sum()))
    low, high = ((total - 1) % 65535 + 1 if words.any() else 0 for total in sums)
    return high << 16 | low
