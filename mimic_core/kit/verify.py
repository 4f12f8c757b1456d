"""Check the files that earlier jobs wrote against their receipts.

A receipt lists the files of its job with their SHA-256. A stage that reads such a file verifies it first, or in a
thread while it works (:class:`InputCheck`), so that one flipped bit gives an error with a remedy, not a wrong result.
"""

from __future__ import annotations

import math
import shlex
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mimic_core.foreign import check_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.kit.files import file_hash
from mimic_core.kit.read_receipts import ReadReceipt, read_receipt

GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
SHOWN = 5  # files that an error names under ``where``; its remedy names all
WRITTEN_HERE = frozenset({".tar", ".parquet", ".safetensors", ".json", ".csv"})  # types that jobs pass to each other
SIZE, SHA256 = "size:", "sha256:"  # prefixes of fingerprints


def fingerprint(path: Path, limit: float = math.inf) -> str:
    """Return ``sha256:...`` of a regular file, or ``size:...`` if it is larger than ``limit`` bytes.

    Raises:
        OSError: it does not exist or cannot be read.
        UnreadableError: it is a folder, pipe or device.
    """
    path.stat()  # raises OSError, rather than UnreadableError, for a file that we may not access
    size = check_regular(path).st_size
    try:
        return f"{SIZE}{size}" if size > limit else SHA256 + file_hash(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # read errors of a disk carry no file name
        raise


def receipt_beside(path: str | Path) -> Path | None:
    """Return the receipt of the job that wrote a file: ``000.receipt.json`` beside ``000.tar``, else ``receipt.json``.

    None if there is neither, or if no job writes files of this type: a released checkpoint may happen to lie beside
    somebody else's receipt.
    """
    path = Path(path)
    if path.suffix not in WRITTEN_HERE:
        return None
    names = (f"{path.name.partition('.')[0]}.receipt.json", "receipt.json")
    return next((found for found in map(path.with_name, names) if found.is_file()), None)


def compare(written: Iterable[tuple[Path, Path]]) -> dict[Path, str]:
    """Check that files still match the receipts of the jobs that wrote them.

    Args:
        written: files, each with the receipt of its job; a file that the receipt does not list is hashed but not
            compared.

    Returns:
        Fingerprint of each file.

    Raises:
        MimicError: files or receipts were changed, truncated or lost; it names all of them, and its remedy is the
            command that removes them.
        OSError: no permission to read a file.
    """
    receipts: dict[Path, ReadReceipt] = {}
    broken: dict[Path, MimicError] = {}
    unsure: list[Path] = []  # files with a broken receipt, which cannot be verified
    found: dict[Path, str] = {}
    changed: list[tuple[Path, Path]] = []
    for file, path in written:
        if path not in receipts and path not in broken:
            try:
                receipts[path] = read_receipt(path)
                receipts[path].names  # noqa: B018 - raises if the receipt lists no outputs
            except MimicError as error:
                broken[path] = error
        if path in broken:
            unsure += [file] if file.is_file() else []
            continue
        expected = receipts[path].fingerprint_of(file)
        try:
            found[file] = fingerprint(file, -1 if expected and expected.startswith(SIZE) else math.inf)
        except (UnreadableError, *GONE):
            found[file] = "no file"
        if expected is not None and found[file] != expected:
            changed.append((file, path))
    if broken or changed:
        raise damaged(changed, broken, unsure)
    return found


def changed_files(receipt: ReadReceipt, files: Iterable[Path]) -> list[Path]:
    """Return the files that do not match the receipt, are not listed in it, or cannot be read."""
    found = []
    for file in files:
        expected = receipt.fingerprint_of(file)
        try:
            same = fingerprint(file, -1 if expected and expected.startswith(SIZE) else math.inf) == expected
        except (OSError, UnreadableError):
            same = False
        if not same:
            found.append(file)
    return found


def damaged(
    changed: Sequence[tuple[Path, Path]], broken: Mapping[Path, MimicError], unsure: Sequence[Path]
) -> MimicError:
    """Return one error for all files that have changed since they were written."""
    files = [*dict.fromkeys(file for file, _ in changed), *broken]
    remove = [*files, *dict.fromkeys([*(receipt for _, receipt in changed), *unsure])]
    one = len(files) == 1
    what = (
        next(iter(broken.values())).what
        if one and broken
        else "the file does not match its receipt: it was changed or cut off after it was written"
        if one
        else f"{len(files)} files do not match their receipts: they were changed or cut off after they were written"
    )
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return MimicError(
        what,
        where=", ".join(map(str, files[:SHOWN])) + more,
        remedy="delete these files and run the same command again, which recreates them: "
        f"rm {shlex.join(map(str, remove))}",
    )


def with_receipts(files: Iterable[str | Path]) -> list[tuple[Path, Path]]:
    """Return (file, receipt) for each file that has a receipt beside it."""
    found = ((Path(file), receipt_beside(file)) for file in files)
    return [(file, receipt) for file, receipt in found if receipt is not None]


def listed(files: Iterable[str | Path], receipts: Iterable[str | Path]) -> list[tuple[Path, Path]]:
    """Return (file, receipt) for each file whose path one of the receipts lists."""
    owner = {name: receipt.path for receipt in map(read_receipt, receipts) for name in receipt.outputs}
    return [(Path(file), owner[str(file)]) for file in files if str(file) in owner]


def check_written(receipts: Iterable[str | Path]) -> None:
    """Check every file that these receipts list; see :func:`compare`."""
    read = [read_receipt(path) for path in receipts]
    compare([(Path(file), receipt.path) for receipt in read for file in receipt.outputs])


class InputCheck:
    """Run :func:`compare` in a thread while the job works; hashing releases the GIL.

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
        """Compare the files; the body of the thread."""
        try:
            self.found = compare(self.written)
        except Exception as error:  # raised by finish(), in the thread that waits for it
            self.error = error

    @property
    def failed(self) -> bool:
        """Whether a check has already failed, so that the job may stop early."""
        return self.error is not None

    def finish(self) -> dict[Path, str]:
        """Wait for the check and return the fingerprint of each file.

        Raises:
            MimicError, OSError: what :func:`compare` raised.
        """
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.found
