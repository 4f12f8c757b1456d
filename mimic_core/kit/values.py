"""Types of setting values, which pydantic checks and turns into JSON schema.

Numbers may be Python's or any library's (``numpy.int64``), but not NaN, infinity, True or a string.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import (
    AllowInfNan,
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from mimic_core.kit.numeric import LARGEST


def as_int(value: object) -> object:
    """Convert an integer of any library to ``int``; return anything else unchanged, for pydantic to reject."""
    return checked_size(int(value)) if isinstance(value, numbers.Integral) and not isinstance(value, bool) else value


def as_number(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Convert a number of any library to ``int`` or ``float`` and check it; 4 stays ``int`` and is written as 4."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return check(value)
    number = checked_size(int(value) if isinstance(value, numbers.Integral) else float(value))
    check(number)
    return number


def checked_size(value: float) -> float:
    """Return the number; raise ValueError if it is larger than any setting can use."""
    if abs(value) > LARGEST:
        raise ValueError("too large")
    return value


WHOLE, REAL = BeforeValidator(as_int), WrapValidator(as_number)
FINITE = AllowInfNan(False)

Whole = Annotated[int, Strict(), WHOLE]
Count = Annotated[int, Strict(), Ge(0), WHOLE]
Positive = Annotated[int, Strict(), Ge(1), WHOLE]
AtLeastTwo = Annotated[int, Strict(), Ge(2), WHOLE]
Number = Annotated[float, Strict(), FINITE, REAL]
Share = Annotated[float, Strict(), FINITE, Ge(0), Le(1), REAL]
BelowOne = Annotated[float, Strict(), FINITE, Ge(0), Lt(1), REAL]
PositiveShare = Annotated[float, Strict(), FINITE, Gt(0), Le(1), REAL]
InnerShare = Annotated[float, Strict(), FINITE, Gt(0), Lt(1), REAL]
AboveZero = Annotated[float, Strict(), FINITE, Gt(0), REAL]
NotNegative = Annotated[float, Strict(), FINITE, Ge(0), REAL]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
FullText = Annotated[str, Strict(), Len(1)]
# \z, since $ would allow a final line break
Name = Annotated[str, Strict(), StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\z")]
Distinct = Field(json_schema_extra={"uniqueItems": True})  # each item of a list once
Names = Annotated[Sequence[Name], Distinct]
Betas = Annotated[Sequence[BelowOne], Len(2, 2)]  # of AdamW
