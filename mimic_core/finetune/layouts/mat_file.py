"""Reader of integer arrays in MATLAB files of version 4 or 5.

It replaces scipy's reader, which trusts the sizes in the file and crashes the process on damaged ones. It reads only
plain numbers: text, cells, structures, functions and objects are reported and rejected.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError

HEADER = 128  # bytes of version 5's header, which ends with two bytes for the byte order
VERSION = 1  # major version in version 5's header; 2 is HDF5
MATRIX, COMPRESSED = 14, 15  # element types
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # dtypes
CLASSES = {1: "cells", 2: "structures", 3: "objects", 4: "text", 5: "sparse", 16: "functions", 17: "opaque"}
NUMERIC = range(6, 16)  # array classes from double to uint64
COMPLEX, LOGICAL = 0x800, 0x200  # array flags
OLD_NUMBERS = ("f8", "f4", "i4", "i2", "u2", "u1")  # dtypes of version 4
OLD_CLASSES = {1: "text", 2: "sparse"}
LARGEST = 1 << 53  # integers below this are exact in a double

Array = tuple[str, str, NDArray[np.generic] | None]  # name, kind, and the values of numeric arrays


def read_numbers(path: Path, key: str, remedy: str) -> NDArray[np.int64]:
    """Read the integers of the array ``key``, in row-major order.

    Raises:
        MimicError: this is not a MATLAB v4 or v5 file, it has no such array, or the array holds other than integers.
    """
    with foreign("this is not a MATLAB v5 file", path, remedy):
        data = read_regular(path, "a MATLAB file", TEXT_BYTES)
        arrays = arrays_v4(data) if 0 in data[:4] else arrays_v5(data)
        kind, numbers = next(((kind, numbers) for name, kind, numbers in arrays if name == key), ("", None))
    if not kind or (numbers is not None and not numbers.size):
        raise MimicError(f"the file has no image numbers {key!r}", where=path, remedy=remedy)
    if numbers is None:
        raise MimicError(f"{key!r} holds {kind}, not numbers", where=path, remedy=remedy)
    if not (np.abs(numbers.astype(np.float64)) < LARGEST).all() or (numbers != np.trunc(numbers)).any():
        raise MimicError(f"{key!r} holds numbers that are not integers", where=path, remedy=remedy)
    return numbers.reshape(-1).astype(np.int64)


def arrays_v5(data: bytes) -> Iterator[Array]:
    """Yield the arrays of a version 5 file.

    Raises:
        ValueError: the file is not version 5, damaged, or expands to more than :data:`TEXT_BYTES`.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[HEADER - 2 : HEADER])
    if order is None:
        raise ValueError("its header is not MATLAB's")
    if (version := struct.unpack_from(order + "H", data, HEADER - 4)[0] >> 8) != VERSION:
        raise ValueError(f"its version is {version}")
    room = TEXT_BYTES
    for kind, content in elements(data[HEADER:], order, padded=False):
        if kind == COMPRESSED:
            content = zlib.decompressobj().decompress(content, room + 1)
            room -= len(content)
            if room < 0:
                raise ValueError(f"its arrays take more than {TEXT_BYTES:,} bytes")
            kind, content = next(elements(content, order), (0, b""))
        if kind != MATRIX:
            raise ValueError(f"an element has type {kind} instead of an array")
        yield array_v5(content, order)


def elements(data: bytes, order: str, padded: bool = True) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of consecutive elements; inside an array they are padded to multiples of 8 bytes."""
    place = 0
    while place < len(data):
        first, length = struct.unpack_from(order + "II", data, place)
        start = place + 8
        if first >> 16:  # a small element: type and length share a word, and the content is in the next
            first, length, start = first & 0xFFFF, first >> 16, place + 4
        content = data[start : start + length]
        if len(content) < length or (start == place + 4 and length > 4):
            raise ValueError("it is truncated or damaged")
        yield first, content
        place = max(start + length, place + 8)
        place += -place % 8 if padded else 0


def array_v5(content: bytes, order: str) -> Array:
    """Parse one array of version 5."""
    parts = elements(content, order)
    (_, flags), (_, sides), (_, name) = next(parts), next(parts), next(parts)
    (bits,) = struct.unpack_from(order + "I", flags)
    number, text = bits & 0xFF, name.decode("latin-1")
    if number not in NUMERIC or bits & (COMPLEX | LOGICAL):
        kind = "complex" if bits & COMPLEX else "truth values" if bits & LOGICAL else "nothing known"
        return text, CLASSES.get(number, kind), None
    stored, values = next(parts)
    shape = np.frombuffer(sides, order + "i4").tolist()
    return text, "numbers", reshaped(values, order + NUMBERS[stored], shape)


def arrays_v4(data: bytes) -> Iterator[Array]:
    """Yield the arrays of a version 4 file.

    Raises:
        ValueError: the file is not version 4, or damaged.
    """
    place = 0
    while place < len(data):
        order = "<" if struct.unpack_from("<I", data, place)[0] < 1000 else ">"
        kind, rows, columns, is_complex, length = struct.unpack_from(order + "5i", data, place)
        if not 0 <= kind < 5000 or kind // 100 % 10 or min(rows, columns, length) < 0:
            raise ValueError("its header is not MATLAB's")
        dtype = order + OLD_NUMBERS[kind // 10 % 10]
        start = place + 20 + length
        place = start + rows * columns * np.dtype(dtype).itemsize * (2 if is_complex else 1)
        name = data[start - length : start].rstrip(b"\0").decode("latin-1")
        if kind % 10 or is_complex:
            yield name, OLD_CLASSES.get(kind % 10, "complex"), None
        else:
            yield name, "numbers", reshaped(data[start:place], dtype, [rows, columns])


def reshaped(values: bytes, dtype: str, shape: list[int]) -> NDArray[np.generic]:
    """Reshape values stored in column-major order, as MATLAB does."""
    numbers = np.frombuffer(values, dtype)
    if min(shape) < 0 or math.prod(shape) != len(numbers):
        raise ValueError(f"an array of shape {shape} holds {len(numbers)} numbers")
    return numbers.reshape(shape, order="F")
