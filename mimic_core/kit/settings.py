"""Reading a frozen dataclass of settings from a block of the config."""

from __future__ import annotations

import dataclasses
import math
import numbers
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.suggestions import did_you_mean

Settings = TypeVar("Settings")


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Which numbers a setting may have; never NaN, infinity, ``True`` or a text.

    Attributes:
        least, most: the smallest and the largest.
        above, below: which it must exceed, or stay under.
        whole: only whole numbers.
        or_none: None too.
        each: it is a list, and each of its values has these bounds.
    """

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    whole: bool = False
    or_none: bool = False
    each: bool = False

    def hold(self, value: object) -> bool:
        """Whether a value is among them."""
        if self.each:
            return isinstance(value, list | tuple | range) and all(
                map(dataclasses.replace(self, each=False).hold, value)
            )
        if value is None:
            return self.or_none
        kind = numbers.Integral if self.whole else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        number = float(value) if abs(value) < LARGEST else math.nan  # type: ignore[operator]
        return self.least <= number <= self.most and self.above < number < self.below

    def __str__(self) -> str:
        limits = [
            (f"of {self.least:g} or more", self.least > -math.inf),
            (f"above {self.above:g}", self.above > -math.inf),
            (f"of at most {self.most:g}", self.most < math.inf),
            (f"below {self.below:g}", self.below < math.inf),
        ]
        kind = ["a number", "a whole number", "numbers", "whole numbers"][self.whole + 2 * self.each]
        words = [kind, " and ".join(word for word, given in limits if given)]
        return " ".join(filter(None, words)) + (", or null" if self.or_none else "")


LARGEST = 2.0**53  # what is larger no setting has a use for
COUNT = Bounds(0, whole=True)
COUNTS = Bounds(0, whole=True, each=True)
POSITIVE = Bounds(1, whole=True)
POSITIVES = Bounds(1, whole=True, each=True)
SHARE = Bounds(0, 1)
BELOW_ONE = Bounds(0, below=1)
ABOVE_ZERO = Bounds(above=0)
NOT_NEGATIVE = Bounds(0)


def check_numbers(settings: object, where: str, **bounds: Bounds) -> None:
    """See that the numbers of a dataclass are within bounds.

    Args:
        where: the name of their block in the config, for the error.
        bounds: field -> which numbers it may have.

    Raises:
        MimicError: one is not; it is named, and what it may be.
    """
    for name, bound in bounds.items():
        if not bound.hold(getattr(settings, name)):
            raise out_of_bounds(name, getattr(settings, name), f"{where}.{name}", bound)


def check_number(name: str, value: object, bounds: Bounds) -> None:
    """See that one number is within bounds; raises as :func:`check_numbers`."""
    if not bounds.hold(value):
        raise out_of_bounds(name, value, name, bounds)


def out_of_bounds(name: str, value: object, where: str, bounds: Bounds) -> MimicError:
    """The error of a number that a setting may not have."""
    return MimicError(f"{name} is {shown(value)}", where=where, remedy=f"give {bounds}")


def check_choice(settings: object, where: str, **choices: Sequence[object]) -> None:
    """See that fields of a dataclass have one of the values that they may have; raises as :func:`check_numbers`."""
    for name, allowed in choices.items():
        given = getattr(settings, name)
        if not any(given == one and type(given) is type(one) for one in allowed):
            remedy = f"choose {' or '.join(map(repr, allowed))}"
            raise MimicError(f"{name} is {shown(given)}", where=f"{where}.{name}", remedy=remedy)


def is_count(value: object, least: int) -> bool:
    """True of whole numbers from ``least`` on, not of True, text or nothing."""
    return Bounds(least, whole=True).hold(value)


def is_number(value: object) -> bool:
    """True of finite numbers such as 1 and 0.5, not of True, text or nothing."""
    return Bounds().hold(value)


def shown(value: object) -> str:
    """Any value in a message: cut short, on one line."""
    return printable(SHORT.repr(value))


QUOTES, LONGEST = "'\"", 80  # letters
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = LONGEST


def read_settings(kind: type[Settings], block: Mapping[str, Any], where: str) -> Settings:
    """Make the dataclass ``kind`` from a config block.

    Args:
        kind: a dataclass; fields without a default must be in the block.
        block: names and values.
        where: the block's name in the config, for the error.

    Raises:
        MimicError: an unknown or a missing key, named with what is allowed instead.
    """
    if not isinstance(block, Mapping):
        raise MimicError(f"a block of settings was expected, not {shown(block)}", where=where)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in block:
        if key not in fields:
            remedy = did_you_mean(key, fields, "the keys are")
            raise MimicError(f"unknown key {shown(key)}", where=f"{where}.{shown(key).strip(QUOTES)}", remedy=remedy)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in block:
            raise MimicError(f"the key {name!r} is missing", where=where, remedy=f"add {where}.{name}")
    return kind(**block)
