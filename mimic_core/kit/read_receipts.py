"""Receipts of earlier jobs, read with the types that their values must have."""

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
    """A receipt as it was read. Values are asked for by their keys, and have the type that they must have.

    Attributes:
        path: its file.
        content: the JSON object.
    """

    path: Path
    content: Mapping[str, Any]

    def block(self, *keys: str) -> dict[str, Any]:
        """An object; without keys, the whole."""
        value: Any = self.content
        for depth, key in enumerate(keys):
            if not isinstance(value, dict) or key not in value:
                raise self.fault(keys[: depth + 1], "is missing")
            value = value[key]
        if not isinstance(value, dict):
            raise self.fault(keys, "is no object")
        return value

    def value(self, *keys: str) -> Any:
        """A value of any type."""
        block = self.block(*keys[:-1])
        if keys[-1] not in block:
            raise self.fault(keys, "is missing")
        return block[keys[-1]]

    def text(self, *keys: str) -> str:
        """A text."""
        value = self.value(*keys)
        if not isinstance(value, str):
            raise self.fault(keys, "is no text")
        return value

    def count(self, *keys: str) -> int:
        """A whole number from 0."""
        value = self.value(*keys)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fault(keys, "is no count")
        return value

    def number(self, *keys: str) -> float:
        """A finite number."""
        value = self.value(*keys)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise self.fault(keys, "is no number")
        return value

    def counts(self, *keys: str) -> dict[str, int]:
        """An object of whole numbers."""
        return {name: self.count(*keys, name) for name in self.block(*keys)}

    def texts(self, *keys: str) -> dict[str, str]:
        """An object of texts."""
        return {name: self.text(*keys, name) for name in self.block(*keys)}

    def fault(self, keys: Sequence[str], what: str) -> MimicError:
        """The error of a value that is not what it must be."""
        return unusable(self.path, f"{'.'.join(keys) or 'the whole'} {what}")

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Fingerprints of the files that the job wrote."""
        return self.texts("outputs")

    @cached_property
    def names(self) -> dict[str, str | None]:
        """The same by the files' names without folders; None where several have one name."""
        found: dict[str, str | None] = {}
        for path, told in self.outputs.items():
            found[Path(path).name] = None if Path(path).name in found else told
        return found

    def told(self, file: Path) -> str | None:
        """Fingerprint of a file that the job wrote; None of one that is not listed.

        It is found by its path as it was written, else by its name: folders of results may be moved.
        """
        return self.outputs.get(str(file)) or self.names.get(file.name)


def read_receipt(path: str | Path) -> ReadReceipt:
    """Read a receipt.

    Raises:
        MimicError: it is no JSON object, not UTF-8, nested too deep, too large, or no regular file; the remedy is the
            command that makes it anew.
        PermissionError: it may not be read.
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
    """The error of a receipt that is not as it was written."""
    return MimicError(
        f"the receipt cannot be read ({why}): it was changed or cut off after it was written",
        where=path,
        remedy=f"delete it and run the same command again, which makes it anew: rm {shlex.quote(str(path))}",
    )
