"""A column of numbers out of a MATLAB v4 or v5 file: bounded before it is expanded, and numbers only.

scipy's reader believes sizes that the file states, and makes objects of what it finds; it is therefore given the file
without its compression, and only where a header says that the array asked for holds plain numbers.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray

from mimic_core.errors import MimicError
from mimic_core.foreign import TEXT_BYTES, foreign, read_regular

HEADER = 128  # bytes before the first array of a v5 file; the last two say the order of bytes
COMPRESSED, MATRIX = 15, 14  # types of element
HDF5 = 2  # what a header's version starts with where the file is HDF5
NUMBERS = frozenset(
    ["double", "single", "full", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
)
LARGEST = 1 << 53  # of a whole number that a double holds


def read_numbers(path: Path, key: str, remedy: str) -> NDArray[np.int64]:
    """The whole numbers of an array, in MATLAB's order as one column.

    Raises:
        MimicError: this is no MATLAB v4 or v5 file, it has no such array, or the array is not of whole numbers.
    """
    with foreign("this is not a MATLAB v5 file", path, remedy), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's words on arrays that are not asked for
        data = expanded(read_regular(path, "a MATLAB file", TEXT_BYTES))
        kinds = [(shape, kind) for name, shape, kind in scipy.io.whosmat(io.BytesIO(data)) if name == key]
        if not kinds or 0 in kinds[0][0]:
            raise MimicError(f"there are no image numbers {key!r} in the file", where=path, remedy=remedy)
        if other := [kind for _, kind in kinds if kind not in NUMBERS]:
            raise MimicError(f"{key!r} is of the type {other[0]}, and numbers are needed", where=path, remedy=remedy)
        numbers = np.asarray(scipy.io.loadmat(io.BytesIO(data), variable_names=[key])[key]).reshape(-1)
        whole = numbers.dtype.kind in "ui" or (
            numbers.dtype.kind == "f"
            and bool((np.abs(numbers) < LARGEST).all() and (numbers == np.trunc(numbers)).all())
        )
        if not whole or numbers.max() >= LARGEST:
            raise MimicError(f"{key!r} holds other than whole numbers", where=path, remedy=remedy)
        return numbers.astype(np.int64)


def expanded(data: bytes) -> bytes:
    """A MATLAB file without compression: a v5 file's arrays one after the other, another file as it is.

    Raises:
        ValueError: it is HDF5, or expands to more than :data:`TEXT_BYTES`.
    """
    if len(data) < HEADER or 0 in data[:4]:
        return data  # of version 4, or none that scipy takes
    order = {b"IM": "<", b"MI": ">"}.get(data[126:HEADER])
    if order is None:
        raise ValueError("its header names no order of bytes")
    if struct.unpack_from(order + "H", data, 124)[0] >> 8 == HDF5:
        raise ValueError("it is of version 7.3")
    parts, place = [data[:HEADER]], HEADER
    room = TEXT_BYTES
    while place + 8 <= len(data):
        kind, length = struct.unpack_from(order + "II", data, place)
        part = data[place : place + 8 + length]
        if len(part) < 8 + length:
            raise ValueError("it is cut off")
        place += len(part)
        if kind == COMPRESSED:
            part = zlib.decompressobj().decompress(part[8:], room + 1)
        room -= len(part)
        if room < 0:
            raise ValueError(f"its arrays take more than {TEXT_BYTES:,} bytes")
        parts.append(part)
    return b"".join(parts)
