"""A column of whole numbers out of a MATLAB file of version 4 or 5.

Read here, since scipy's reader believes sizes that the file states and ends the process on damaged ones. Nothing but
plain numbers is looked at: text, cells, structures, functions and objects are named and refused.
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

HEADER = 128  # bytes before the first array of version 5; the last two say the order of bytes
VERSION = 1  # of the header of version 5; 2 is HDF5
MATRIX, COMPRESSED = 14, 15  # types of element
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # and of numbers
CLASSES = {1: "cells", 2: "structures", 3: "objects", 4: "text", 5: "sparse", 16: "functions", 17: "opaque"}
NUMERIC = range(6, 16)  # classes of double to uint64
COMPLEX, LOGICAL = 0x800, 0x200  # flags
OLD_NUMBERS = ("f8", "f4", "i4", "i2", "u2", "u1")  # of version 4
OLD_CLASSES = {1: "text", 2: "sparse"}
LARGEST = 1 << 53  # of a whole number that a double holds

Array = tuple[str, str, NDArray[np.generic] | None]  # name, kind, and the numbers of one that holds plain ones


def read_numbers(path: Path, key: str, remedy: str) -> NDArray[np.int64]:
    """The whole numbers of an array, row after row.

    Raises:
        MimicError: this is no MATLAB v4 or v5 file, it has no such array, or the array is not of whole numbers.
    """
    with foreign("this is not a MATLAB v5 file", path, remedy):
        data = read_regular(path, "a MATLAB file", TEXT_BYTES)
        arrays = old_arrays(data) if 0 in data[:4] else new_arrays(data)
        kind, numbers = next(((kind, numbers) for name, kind, numbers in arrays if name == key), ("", None))
    if not kind or (numbers is not None and not numbers.size):
        raise MimicError(f"there are no image numbers {key!r} in the file", where=path, remedy=remedy)
    if numbers is None:
        raise MimicError(f"{key!r} holds {kind}, and numbers are needed", where=path, remedy=remedy)
    if not (np.abs(numbers.astype(np.float64)) < LARGEST).all() or (numbers != np.trunc(numbers)).any():
        raise MimicError(f"{key!r} holds other than whole numbers", where=path, remedy=remedy)
    return numbers.reshape(-1).astype(np.int64)


def new_arrays(data: bytes) -> Iterator[Array]:
    """The arrays of a file of version 5.

    Raises:
        ValueError: it is no such file, damaged, or expands to more than :data:`TEXT_BYTES`.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[HEADER - 2 : HEADER])
    if order is None:
        raise ValueError("its header is none of MATLAB's")
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
            raise ValueError(f"an element of type {kind} where an array should be")
        yield new_array(content, order)


def elements(data: bytes, order: str, padded: bool = True) -> Iterator[tuple[int, bytes]]:
    """Types and contents of the elements that follow one another; those in an array start at multiples of 8 bytes."""
    place = 0
    while place < len(data):
        first, length = struct.unpack_from(order + "II", data, place)
        start = place + 8
        if first >> 16:  # a small one: its length is in the same word as its type, its content in the next
            first, length, start = first & 0xFFFF, first >> 16, place + 4
        content = data[start : start + length]
        if len(content) < length or (start == place + 4 and length > 4):
            raise ValueError("it is cut off or damaged")
        yield first, content
        place = max(start + length, place + 8)
        place += -place % 8 if padded else 0


def new_array(content: bytes, order: str) -> Array:
    """One array of version 5."""
    parts = elements(content, order)
    (_, flags), (_, sides), (_, name) = next(parts), next(parts), next(parts)
    (bits,) = struct.unpack_from(order + "I", flags)
    number, text = bits & 0xFF, name.decode("latin-1")
    if number not in NUMERIC or bits & (COMPLEX | LOGICAL):
        kind = "complex" if bits & COMPLEX else "truth values" if bits & LOGICAL else "nothing known"
        return text, CLASSES.get(number, kind), None
    stored, values = next(parts)
    shape = np.frombuffer(sides, order + "i4").tolist()
    return text, "numbers", shaped(values, order + NUMBERS[stored], shape)


def old_arrays(data: bytes) -> Iterator[Array]:
    """The arrays of a file of version 4.

    Raises:
        ValueError: it is no such file, or damaged.
    """
    place = 0
    while place < len(data):
        order = "<" if struct.unpack_from("<I", data, place)[0] < 1000 else ">"
        kind, rows, columns, is_complex, length = struct.unpack_from(order + "5i", data, place)
        if not 0 <= kind < 5000 or kind // 100 % 10 or min(rows, columns, length) < 0:
            raise ValueError("its header is none of MATLAB's")
        dtype = order + OLD_NUMBERS[kind // 10 % 10]
        start = place + 20 + length
        place = start + rows * columns * np.dtype(dtype).itemsize * (2 if is_complex else 1)
        name = data[start - length : start].rstrip(b"\0").decode("latin-1")
        if kind % 10 or is_complex:
            yield name, OLD_CLASSES.get(kind % 10, "complex"), None
        else:
            yield name, "numbers", shaped(data[start:place], dtype, [rows, columns])


def shaped(values: bytes, dtype: str, shape: list[int]) -> NDArray[np.generic]:
    """Numbers in MATLAB's order, column after column."""
    numbers = np.frombuffer(values, dtype)
    if min(shape) < 0 or math.prod(shape) != len(numbers):
        raise ValueError(f"an array of shape {shape} that holds {len(numbers)} numbers")
    return numbers.reshape(shape, order="F")
