"""Writing files so that a reader never meets half of one, and naming their content by hash.

A file that is being written is called ``.partial-<machine>-<process>-<name>``, a folder ``.partial-<name>-<random>``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.kit.processes import alive

PARTIAL = ".partial-"
PIECE = 1 << 16  # bytes that are written to see whether a disk is full
FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "a file would be larger than is allowed here",
}


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on any failure.

    The temporary name keeps the suffixes of ``path``, so that writers which look at them work as usual. The error of a
    full disk, which the system gives without a name, gets that of ``path``; writers that say nothing of the disk when
    it is full (``torch.save``), or only in words (``safetensors``), are seen through.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{socket.gethostname()}-{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except Exception as error:
        told = in_its_words(error)
        full = told if told is not None and told.errno in FULL else None
        if told is None and not isinstance(error, MimicError):
            full = no_room(temporary)
        if full is None:
            raise
        full.filename = full.filename or str(path)
        raise full from (None if full is error else error)
    finally:
        temporary.unlink(missing_ok=True)


def in_its_words(error: BaseException) -> OSError | None:
    """The system's error, also of libraries that put its number into their words: ``... (os error 28)``."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    found = re.search(r"\(os error ([0-9]+)\)|\[errno ([0-9]+)\]", str(error), re.IGNORECASE)
    number = int(found[1] or found[2]) if found else 0
    return OSError(number, os.strerror(number)) if found else None


def no_room(path: Path) -> OSError | None:
    """The error of a disk that takes no more of a file, by a small piece at its end; None where there is room."""
    try:
        with path.open("ab") as stream:
            stream.write(bytes(PIECE))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return OSError(error.errno, error.strerror) if error.errno in FULL else None
    return None


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it takes the place of ``path`` (an old one is removed)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{path.name}-", dir=path.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_abandoned(paths: Iterable[str | Path]) -> None:
    """Remove what processes of this machine that were killed have left of their attempts to write ``paths``."""
    names: dict[Path, set[str]] = defaultdict(set)
    for path in map(Path, paths):
        names[path.parent].add(path.name)
    own = f"{PARTIAL}{socket.gethostname()}-"
    for folder, wanted in names.items():
        for entry in [entry for entry in folder.iterdir() if entry.name.startswith(own)]:
            number, _, name = entry.name.removeprefix(own).partition("-")
            if name in wanted and number.isdecimal() and not alive(int(number)):
                entry.unlink(missing_ok=True)


def cannot_write(path: str | Path, error: OSError) -> MimicError:
    """The error of a file, or of a folder's files, that cannot be written: what is full, and how full."""
    if error.errno in FULL:
        what, advice, room = FULL[error.errno or 0], "free some space", f" ({free_room(Path(path))})"
    else:
        in_the_way = error.errno in (errno.EEXIST, errno.ENOTDIR)
        told = os.strerror(error.errno) if error.errno else str(error)
        told = "a file stands where a folder is needed" if in_the_way else told
        what, advice, room = f"cannot write ({told})", "give a place that you may write to", ""
    return MimicError(
        what,
        where=f"{path}{room}",
        remedy=f"{advice} and run the same command again: what is done stays, nothing half-written counts",
    )


def free_room(place: Path) -> str:
    """How full the disk is that a path, of which a part may not be there, lies on."""
    for existing in (place, *place.absolute().parents):
        with contextlib.suppress(OSError, ValueError):
            room = shutil.disk_usage(existing)
            return f"{room.free >> 20:,} of the disk's {room.total >> 20:,} MiB are free"
    return "how much room is left is not known"


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` (UTF-8) atomically; bytes of file names that are no UTF-8 are written as escapes."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
