"""What earlier jobs wrote, compared with their receipts; and receipts read with the types that they must have.

A receipt lists the files of its job with their SHA-256. A stage that reads such a file compares it first, or in a
thread beside its own work (:class:`InputCheck`): one flipped bit is then an error with a remedy, never a wrong result.
"""

from __future__ import annotations

import errno
import math
import os
import shlex
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mimic_core.foreign import JSON_BYTES, check_regular, parse_json, read_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.kit.files import file_hash

GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
SHOWN = 5  # files that an error names under ``where``; its remedy names all
WRITTEN_HERE = frozenset({".tar", ".parquet", ".safetensors", ".json", ".csv"})  # what one job reads of another
SIZE, SHA256 = "size:", "sha256:"  # how fingerprints begin


def fingerprint(path: Path, limit: float = math.inf) -> str:
    """``sha256:...`` of a regular file, or ``size:...`` of one that is larger than ``limit`` bytes.

    Raises:
        OSError: it is not there, or cannot be read.
        UnreadableError: it is a folder, pipe or device.
    """
    path.stat()  # what may not be looked at is the machine's fault, not the file's
    size = check_regular(path).st_size
    try:
        return f"{SIZE}{size}" if size > limit else SHA256 + file_hash(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a disk that cannot read gives no name
        raise


def receipt_beside(path: str | Path) -> Path | None:
    """The receipt of the job that wrote a file: ``000.receipt.json`` beside ``000.tar``, else ``receipt.json``.

    None where there is neither, and of files of kinds that no job writes: a checkpoint that others released may lie
    beside a receipt of theirs.
    """
    path = Path(path)
    if path.suffix not in WRITTEN_HERE:
        return None
    names = (f"{path.name.partition('.')[0]}.receipt.json", "receipt.json")
    return next((found for found in map(path.with_name, names) if found.is_file()), None)


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


def compare(written: Iterable[tuple[Path, Path]]) -> dict[Path, str]:
    """See that files are still what the receipts of the jobs that wrote them say.

    Args:
        written: files, each with the receipt of its job; what a receipt does not list is read, and not compared.

    Returns:
        Fingerprint of each file.

    Raises:
        MimicError: files or receipts were changed, cut off or lost since; all of them are named, and the remedy is
            the command that removes them.
        OSError: a file may not be read.
    """
    receipts: dict[Path, ReadReceipt] = {}
    broken: dict[Path, MimicError] = {}
    unsure: list[Path] = []  # files whose receipts are broken: nobody knows whether they are whole
    found: dict[Path, str] = {}
    changed: list[tuple[Path, Path]] = []
    for file, path in written:
        if path not in receipts and path not in broken:
            try:
                receipts[path] = read_receipt(path)
                receipts[path].names  # noqa: B018 - are there
            except MimicError as error:
                broken[path] = error
        if path in broken:
            unsure += [file] if file.is_file() else []
            continue
        told = receipts[path].told(file)
        try:
            found[file] = fingerprint(file, -1 if told and told.startswith(SIZE) else math.inf)
        except (UnreadableError, *GONE):
            found[file] = "no file"
        if told is not None and found[file] != told:
            changed.append((file, path))
    if broken or changed:
        raise damaged(changed, broken, unsure)
    return found


def changed_files(receipt: ReadReceipt, files: Iterable[Path]) -> list[Path]:
    """Those of the files that are not what their job's receipt says, are not listed there, or cannot be read."""
    found = []
    for file in files:
        told = receipt.told(file)
        try:
            same = fingerprint(file, -1 if told and told.startswith(SIZE) else math.inf) == told
        except (OSError, UnreadableError):
            same = False
        if not same:
            found.append(file)
    return found


def damaged(
    changed: Sequence[tuple[Path, Path]], broken: Mapping[Path, MimicError], unsure: Sequence[Path]
) -> MimicError:
    """One error for all files that are not what they were when they were written."""
    files = [*dict.fromkeys(file for file, _ in changed), *broken]
    remove = [*files, *dict.fromkeys([*(receipt for _, receipt in changed), *unsure])]
    one = len(files) == 1
    what = (
        next(iter(broken.values())).what
        if one and broken
        else "the file is not what its receipt says: it was changed or cut off after it was written"
        if one
        else f"{len(files)} files are not what their receipts say: they were changed or cut off after they were written"
    )
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return MimicError(
        what,
        where=", ".join(map(str, files[:SHOWN])) + more,
        remedy="delete these files and run the same command again, which makes them anew: "
        f"rm {shlex.join(map(str, remove))}",
    )


def with_receipts(files: Iterable[str | Path]) -> list[tuple[Path, Path]]:
    """Those of the files that have a receipt beside them, each with it."""
    found = ((Path(file), receipt_beside(file)) for file in files)
    return [(file, receipt) for file, receipt in found if receipt is not None]


def listed(files: Iterable[str | Path], receipts: Iterable[str | Path]) -> list[tuple[Path, Path]]:
    """Those of the files that one of the receipts lists by their path, each with it."""
    owner = {name: receipt.path for receipt in map(read_receipt, receipts) for name in receipt.outputs}
    return [(Path(file), owner[str(file)]) for file in files if str(file) in owner]


def check_written(receipts: Iterable[str | Path]) -> None:
    """See that all files that these receipts list are still what they say; see :func:`compare`."""
    read = [read_receipt(path) for path in receipts]
    compare([(Path(file), receipt.path) for receipt in read for file in receipt.outputs])


class InputCheck:
    """:func:`compare` in a thread beside the job's own work; hashing lets other threads run.

    Args:
        written: files, each with the receipt of its job.
    """

    def __init__(self, written: Sequence[tuple[Path, Path]]) -> None:
        self.written = written
        self.found: dict[Path, str] = {}
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self.work, name="check-inputs", daemon=True)
        self.thread.start()

    def work(self) -> None:
        """What the thread does."""
        try:
            self.found = compare(self.written)
        except Exception as error:  # raised by finish(), in the thread that waits for it
            self.error = error

    @property
    def failed(self) -> bool:
        """Whether a file is already known to be damaged: the job may stop at once."""
        return self.error is not None

    def finish(self) -> dict[Path, str]:
        """Wait for the end; fingerprint of each file.

        Raises:
            MimicError, OSError: what :func:`compare` raised.
        """
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.found
