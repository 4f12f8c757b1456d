"""JSON files from others with numbers in them, where one damaged entry must not make the file unreadable."""

from __future__ import annotations

import json
import math
import reprlib
from pathlib import Path
from typing import Any

from mimic_core.foreign import foreign, read_regular

DOCUMENT_BYTES = 1 << 29  # largest file; COCO's largest person file takes half of it
LARGEST = 1 << 53  # integers below this are exact in all JSON readers
DIGITS = 400  # integers of more digits become infinity
NUMBERS = frozenset([int, float])  # exact types, which excludes bool


def read_json_numbers(path: Path, fault: str, remedy: str) -> Any:
    """Read a JSON file; integers with too many digits for Python become infinity.

    Raises:
        UnreadableError: it is not a regular file, larger than :data:`DOCUMENT_BYTES`, or not JSON (``fault``).
    """
    data = read_regular(path, "a file of annotations", DOCUMENT_BYTES)
    with foreign(fault, path, remedy):
        text = data.decode("utf-8-sig")
        del data
        try:
            return json.loads(text)
        except ValueError as error:
            if isinstance(error, json.JSONDecodeError):
                raise
            return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < DIGITS else math.inf)


def integer(value: object, name: str) -> int:
    """Return a value of the file as an integer; ``name`` is for the message.

    Raises:
        TypeError: it is not an integer, or its absolute value is :data:`LARGEST` or more.
    """
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) >= LARGEST:
        raise TypeError(f"{name} is {shortened(value)}, not an integer")
    return value


def shortened(value: object) -> str:
    """Shorten a value of the file for a message."""
    try:
        return reprlib.repr(value)[:40]  # reprlib limits the depth
    except ValueError:  # an integer with too many digits
        return f"a {type(value).__name__}"
