"""Walk and group millions of files without holding them all in memory."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from mimic_core.sources.walking import is_folder, walk

HELD = 1 << 18  # records held in memory; more are written to disk
PARTS = 256  # files for the records on disk: 100,000 records in each for 25 million

Record = tuple[bytes, bytes, bytes]  # key, kind, path


def files_below(root: Path) -> Iterator[tuple[Path, bool]]:
    """Yield every file below the root with True, and every folder that cannot be listed with False, in any order.

    Hidden entries are skipped, links are followed, and a folder reached by several links is visited once. Only folders
    are held in memory.

    Raises:
        OSError: a machine fault, such as too many open files.
    """

    def look(folder: Path, entries: Iterator[os.DirEntry[str]], stack: list[Path]) -> Iterator[tuple[Path, bool]]:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                stack.append(folder / entry.name)
            else:
                yield folder / entry.name, True

    yield from walk(root, look, lambda folder: (folder, False))


class GroupedRecords:
    """Records of a key, a kind and a path, grouped by key.

    A small number stays in memory and comes back sorted by key. More are written to temporary files (in ``TMPDIR``),
    distributed by a hash of the key, and come back sorted by key within each file.
    """

    def __init__(self) -> None:
        self.held: list[Record] = []
        self.count = 0
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.files: list[IO[bytes]] = []

    def __len__(self) -> int:
        return self.count

    def add(self, key: bytes, kind: bytes, path: Path) -> None:
        """Add a record; none of its parts may contain a zero byte, which file names never do."""
        self.held.append((key, kind, os.fsencode(path)))
        self.count += 1
        if len(self.held) >= HELD:
            self.spill()

    def spill(self) -> None:
        """Write the records in memory to the files."""
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="mimic-units-")
            self.files = [(Path(self.folder.name) / str(number)).open("w+b") for number in range(PARTS)]
        for record in self.held:
            self.files[zlib.crc32(record[0]) % PARTS].write(b"\0".join(record) + b"\0")
        self.held.clear()

    def parts(self) -> Iterator[Iterator[tuple[bytes, list[tuple[bytes, Path]]]]]:
        """Yield the parts; each yields its keys in order, with the sorted kinds and paths of each key."""
        if self.folder is None:
            yield grouped(self.held)
            return
        self.spill()
        for file in self.files:
            file.seek(0)
            words = file.read().split(b"\0")[:-1]
            yield grouped(list(zip(words[::3], words[1::3], words[2::3], strict=True)))

    def __enter__(self) -> GroupedRecords:
        return self

    def __exit__(self, *_: Any) -> None:
        for file in self.files:
            file.close()
        if self.folder is not None:
            self.folder.cleanup()


def grouped(records: list[Record]) -> Iterator[tuple[bytes, list[tuple[bytes, Path]]]]:
    """Group records by key, in order."""
    for key, group in groupby(sorted(records), key=itemgetter(0)):
        yield key, [(kind, Path(os.fsdecode(path))) for _, kind, path in group]
