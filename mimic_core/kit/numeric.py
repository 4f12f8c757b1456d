"""Numbers that a file or a caller gives: whether they are any, and of a size that something can be done with."""

from __future__ import annotations

import numbers
from typing import cast

LARGEST = 2**53  # nothing has a use for a larger number


def is_count(value: object, least: int) -> bool:
    """True of whole numbers from ``least`` on, not of True, text or nothing."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and least <= int(cast(int, value)) <= LARGEST


def is_number(value: object) -> bool:
    """True of finite numbers such as 1 and 0.5, not of True, text or nothing."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and abs(cast(float, value)) <= LARGEST
