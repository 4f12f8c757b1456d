"""Read the receipts of earlier jobs, checking the types of their values."""

from __future__ import annotations

import errno
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mimic_core.foreign import JSON_BYTES, parse_json, read_regular
from mimic_core.kit.errors import MimicError, UnreadableError


@dataclass(frozen=True)
class ReadReceipt:
    """A receipt and typed access to its values by their keys.

    Each method takes the keys that lead to a value, and raises a :class:`MimicError` if it is missing or of another
    type.

    Attributes:
        path: its file.
        content: the JSON object.
    """

    path: Path
    content: Mapping[str, Any]

    def block(self, *keys: str) -> dict[str, Any]:
        """Return an object; without keys, the whole receipt."""
        value: Any = self.content
        for depth, key in enumerate(keys):
            if not isinstance(value, dict) or key not in value:
                raise self.fault(keys[: depth + 1], "is missing")
            value = value[key]
        if not isinstance(value, dict):
            raise self.fault(keys, "is not an object")
        return value

    def value(self, *keys: str) -> Any:
        """Return a value of any type."""
        block = self.block(*keys[:-1])
        if keys[-1] not in block:
            raise self.fault(keys, "is missing")
        return block[keys[-1]]

    def text(self, *keys: str) -> str:
        """Return a string."""
        value = self.value(*keys)
        if not isinstance(value, str):
            raise self.fault(keys, "is not a string")
        return value

    def count(self, *keys: str) -> int:
        """Return a non-negative integer."""
        value = self.value(*keys)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fault(keys, "is not a count")
        return value

    def number(self, *keys: str) -> float:
        """Return a finite number."""
        value = self.value(*keys)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise self.fault(keys, "is not a number")
        return value

    def counts(self, *keys: str) -> dict[str, int]:
        """Return an object of non-negative integers."""
        return {name: self.count(*keys, name) for name in self.block(*keys)}

    def texts(self, *keys: str) -> dict[str, str]:
        """Return an object of strings."""
        return {name: self.text(*keys, name) for name in self.block(*keys)}

    def fault(self, keys: Sequence[str], what: str) -> MimicError:
        """Return the error for a value of the wrong type."""
        return unusable(self.path, f"{'.'.join(keys) or 'it'} {what}")

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Fingerprints of the files that the job wrote."""
        return self.texts("outputs")

    @cached_property
    def names(self) -> dict[str, str | None]:
        """Fingerprints by file name without folders; None if several files have that name."""
        found: dict[str, str | None] = {}
        for path, recorded in self.outputs.items():
            found[Path(path).name] = None if Path(path).name in found else recorded
        return found

    def fingerprint_of(self, file: Path) -> str | None:
        """Return the recorded fingerprint of a file; None if the receipt does not list it.

        The file is looked up by its path, then by its name, since results folders may be moved.
        """
        return self.outputs.get(str(file)) or self.names.get(file.name)


def read_receipt(path: str | Path) -> ReadReceipt:
    """Read a receipt.

    Raises:
        MimicError: it is not a JSON object, not UTF-8, nested too deeply, too large, or not a regular file; the remedy
            tells how to recreate it.
        PermissionError: no permission to read it.
    """
    path = Path(path)
    if path.exists() and not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    try:
        content = parse_json(read_regular(path, "a receipt", JSON_BYTES), "a receipt", path)
    except UnreadableError as error:
        raise unusable(path, error.what) from error
    receipt = ReadReceipt(path, content)
    receipt.block()
    return receipt


def unusable(path: Path, why: str) -> MimicError:
    """Return the error for a receipt that was changed after it was written."""
    return MimicError(
        f"the receipt cannot be read ({why}): it was changed or cut off after it was written",
        where=path,
        remedy=f"delete it and run the same command again, which recreates it: rm {shlex.quote(str(path))}",
    )
