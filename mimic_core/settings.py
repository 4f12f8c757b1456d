"""Reading a frozen dataclass of settings from a block of the config."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from mimic_core.errors import MimicError

Settings = TypeVar("Settings")


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
        raise MimicError(f"a block of settings was expected, not {block!r}", where=where)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in block:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"the keys are: {', '.join(fields)}"
            raise MimicError(f"unknown key {key!r}", where=f"{where}.{key}", remedy=remedy)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in block:
            raise MimicError(f"the key {name!r} is missing", where=where, remedy=f"add {where}.{name}")
    return kind(**block)
