"""Write files and folders atomically, and hash their content.

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
PROBE_BYTES = 1 << 16  # written to test whether a disk is full
FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would exceed the size limit",
}


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on any failure.

    The temporary name keeps the suffixes of ``path``, for writers that depend on them. When the disk is full, the
    ``OSError`` gets the file name ``path``, which the system leaves out; it is raised also for writers that hide the
    cause (``torch.save``) or give it only in their message (``safetensors``).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{socket.gethostname()}-{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except Exception as error:
        cause = as_os_error(error)
        full = cause if cause is not None and cause.errno in FULL else None
        if cause is None and not isinstance(error, MimicError):
            full = disk_full_error(temporary)
        if full is None:
            raise
        full.filename = full.filename or str(path)
        raise full from (None if full is error else error)
    finally:
        temporary.unlink(missing_ok=True)


def as_os_error(error: BaseException) -> OSError | None:
    """Return the error as an ``OSError``, also if only its message has the number (``... (os error 28)``), or None."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    found = re.search(r"\(os error ([0-9]+)\)|\[errno ([0-9]+)\]", str(error), re.IGNORECASE)
    number = int(found[1] or found[2]) if found else 0
    return OSError(number, os.strerror(number)) if found else None


def disk_full_error(path: Path) -> OSError | None:
    """Append a few bytes to a file; return the error if the disk is full, None if there is room."""
    try:
        with path.open("ab") as stream:
            stream.write(bytes(PROBE_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return OSError(error.errno, error.strerror) if error.errno in FULL else None
    return None


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it replaces ``path``."""
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
    """Remove the partial files that killed processes of this machine left while writing ``paths``."""
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
    """Return the error for a file or folder that cannot be written; for a full disk, with its free space."""
    if error.errno in FULL:
        what, advice, room = FULL[error.errno or 0], "free some space", f" ({free_room(Path(path))})"
    else:
        in_the_way = error.errno in (errno.EEXIST, errno.ENOTDIR)
        reason = os.strerror(error.errno) if error.errno else str(error)
        reason = "a file is where a folder is needed" if in_the_way else reason
        what, advice, room = f"cannot write ({reason})", "choose a place that you can write to", ""
    return MimicError(
        what,
        where=f"{path}{room}",
        remedy=f"{advice} and run the same command again: finished work is kept, partial files are ignored",
    )


def free_room(place: Path) -> str:
    """Describe the free space of the disk that a path is on; the path need not exist."""
    for existing in (place, *place.absolute().parents):
        with contextlib.suppress(OSError, ValueError):
            room = shutil.disk_usage(existing)
            return f"{room.free >> 20:,} of the disk's {room.total >> 20:,} MiB are free"
    return "free space unknown"


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically; bytes of file names that are not UTF-8 become escapes."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
