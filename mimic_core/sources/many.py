"""Files by the million: walked through one at a time, and put in groups without holding them all."""

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

HELD = 1 << 18  # records held in memory; more go to disk
PARTS = 256  # files that records on disk are shared out over: 100,000 records each of 25 million

Record = tuple[bytes, bytes, bytes]  # key, kind, path


def files_below(root: Path) -> Iterator[tuple[Path, bool]]:
    """Every file below the root in no order, and whether it is one: a folder that may not be listed is not.

    Hidden ones are passed over, links are followed, and a folder that links lead to twice is visited once. Nothing is
    held but folders.

    Raises:
        OSError: a fault of the machine.
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


class Sorted:
    """Records of a key, a kind and a path, given back in groups of one key.

    A few are held in memory and come by key; more are written to files in the folder for temporary ones (``TMPDIR``),
    shared out by a hash of their key, and come by key within each.
    """

    def __init__(self) -> None:
        self.held: list[Record] = []
        self.count = 0
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.files: list[IO[bytes]] = []

    def __len__(self) -> int:
        return self.count

    def add(self, key: bytes, kind: bytes, path: Path) -> None:
        """Add a record; no part of it holds a zero byte, as no name of a file does."""
        self.held.append((key, kind, os.fsencode(path)))
        self.count += 1
        if len(self.held) >= HELD:
            self.spill()

    def spill(self) -> None:
        """Write what is held to the files."""
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="mimic-units-")
            self.files = [(Path(self.folder.name) / str(number)).open("w+b") for number in range(PARTS)]
        for record in self.held:
            self.files[zlib.crc32(record[0]) % PARTS].write(b"\0".join(record) + b"\0")
        self.held.clear()

    def parts(self) -> Iterator[Iterator[tuple[bytes, list[tuple[bytes, Path]]]]]:
        """The parts; each yields its keys in order, with the kinds and paths of each in order."""
        if self.folder is None:
            yield grouped(self.held)
            return
        self.spill()
        for file in self.files:
            file.seek(0)
            words = file.read().split(b"\0")[:-1]
            yield grouped(list(zip(words[::3], words[1::3], words[2::3], strict=True)))

    def __enter__(self) -> Sorted:
        return self

    def __exit__(self, *_: Any) -> None:
        for file in self.files:
            file.close()
        if self.folder is not None:
            self.folder.cleanup()


def grouped(records: list[Record]) -> Iterator[tuple[bytes, list[tuple[bytes, Path]]]]:
    """Records by their keys."""
    for key, group in groupby(sorted(records), key=itemgetter(0)):
        yield key, [(kind, Path(os.fsdecode(path))) for _, kind, path in group]
