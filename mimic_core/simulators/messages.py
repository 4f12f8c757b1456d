"""Messages between two processes: one line of JSON, followed by the bytes of the arrays that it describes."""

from __future__ import annotations

import json
from typing import Any, BinaryIO, Dict, List, Sequence, Tuple

import numpy as np

Arrays = List[np.ndarray]
ARRAYS = "arrays"  # key of the arrays' types and shapes
LONGEST_LINE = 1 << 20  # bytes
LARGEST = 1 << 30  # bytes of one array
KINDS = ("uint8", "uint32", "float32", "float64")


def write_message(stream: BinaryIO, content: Dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
    """Send a JSON object and arrays."""
    plain = [np.ascontiguousarray(array) for array in arrays]
    described = [[array.dtype.name, list(array.shape)] for array in plain]
    stream.write(json.dumps({**content, ARRAYS: described}).encode() + b"\n")
    for array in plain:
        stream.write(array.tobytes())
    stream.flush()


def read_message(stream: BinaryIO) -> Tuple[Dict[str, Any], Arrays]:
    """Read the next message.

    Raises:
        EOFError: there is none, or it ends too early.
        ValueError: it is not a valid message.
    """
    line = stream.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise EOFError
    content = json.loads(line)
    if not isinstance(content, dict) or not isinstance(content.get(ARRAYS), list):
        raise ValueError(f"{line[:80]!r} is not a message")
    return content, [read_array(stream, *described) for described in content.pop(ARRAYS)]


def read_array(stream: BinaryIO, kind: str, shape: Sequence[int]) -> np.ndarray:
    """Read the next bytes as an array."""
    if kind not in KINDS:
        raise ValueError(f"unknown array type {kind!r}")
    dtype = np.dtype(kind)
    size = dtype.itemsize
    for side in shape:
        size *= int(side)
    if not 0 <= size <= LARGEST:
        raise ValueError(f"an array cannot have {size} bytes")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return np.frombuffer(data, dtype).reshape([int(side) for side in shape]).copy()
