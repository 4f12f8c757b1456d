"""Check numbers from files and callers for type and usable size."""

from __future__ import annotations

import numbers
from typing import cast

LARGEST = 2**53  # no value here is ever larger; a float holds every integer up to it


def is_count(value: object, least: int) -> bool:
    """Return whether the value is an integer of at least ``least``; booleans, strings and None are not."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and least <= int(cast(int, value)) <= LARGEST


def is_number(value: object) -> bool:
    """Return whether the value is a finite number such as 1 or 0.5; booleans, strings and None are not."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and abs(cast(float, value)) <= LARGEST
