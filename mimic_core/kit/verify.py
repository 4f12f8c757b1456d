"""What earlier jobs wrote, compared with their receipts.

A receipt lists the files of its job with their SHA-256. A stage that reads such a file compares it first, or in a
thread beside its own work (:class:`InputCheck`): one flipped bit is then an error with a remedy, never a wrong result.
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
