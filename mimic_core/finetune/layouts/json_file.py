"""JSON of others with numbers in it: a damaged entry costs itself, never the file."""

from __future__ import annotations

import json
import math
import reprlib
from pathlib import Path
from typing import Any

from mimic_core.foreign import foreign, read_regular

DOCUMENT_BYTES = 1 << 29  # of a file: COCO's largest of people has half of it
LARGEST = 1 << 53  # of a whole number, as JSON's readers agree on them
DIGITS = 400  # of a whole number; what is longer is infinite
NUMBERS = frozenset([int, float])  # types of a number; a bool is none


def read_json_numbers(path: Path, fault: str, remedy: str) -> Any:
    """The value of a JSON file; a whole number of more digits than Python converts is infinite.

    Raises:
        UnreadableError: it is no regular file, too large (:data:`DOCUMENT_BYTES`), or no JSON: ``fault``.
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


def whole(value: object, name: str) -> int:
    """A whole number of the file.

    Raises:
        TypeError: it is none, or larger than any number of COCO's.
    """
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) >= LARGEST:
        raise TypeError(f"{name} is {short(value)}, and no whole number")
    return value


def short(value: object) -> str:
    """A value of the file in a few letters."""
    try:
        return reprlib.repr(value)[:40]  # nests a few levels, whatever the value's depth
    except ValueError:  # of too many digits
        return f"a {type(value).__name__}"
