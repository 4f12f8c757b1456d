"""Visit every folder below a root exactly once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from mimic_core.foreign import MACHINE

Found = TypeVar("Found")
Look = Callable[[Path, Iterator[os.DirEntry[str]], list[Path]], Iterator[Found]]
Listed = tuple[Path, list[Path], list[Path]]  # a folder, the folders in it, the files in it


def folders_below(root: Path, hidden: list[Path] | None = None) -> Iterator[Listed]:
    """Yield every folder below the root, itself included, with its sorted subfolders and files, like ``os.walk``.

    Hidden entries are skipped and links are followed. Folders that the caller removes from the list are not entered. A
    folder reached by several links is visited once, so link loops end. A folder that cannot be listed comes with itself
    as its only file, so that the caller notices it. Nothing is opened: pipes, devices and broken or circular links are
    among the files.

    Args:
        hidden: receives the hidden files and folders that are skipped.

    Raises:
        OSError: a machine fault, such as too many open files.
    """

    def look(folder: Path, listing: Iterator[os.DirEntry[str]], stack: list[Path]) -> Iterator[Listed]:
        every = sorted((entry.name, is_folder(entry)) for entry in listing)
        entries = [(name, inner) for name, inner in every if not name.startswith(".")]
        if hidden is not None:
            hidden.extend(folder / name for name, _ in every if name.startswith("."))
        folders = [folder / name for name, inner in entries if inner]
        yield folder, folders, [folder / name for name, inner in entries if not inner]
        stack += reversed(folders)

    yield from walk(root, look, lambda folder: (folder, [], [folder]))


def walk(root: Path, look: Look[Found], unlisted: Callable[[Path], Found]) -> Iterator[Found]:
    """Visit every folder below the root once, itself included, however many links lead to it.

    Args:
        look: yields results for a folder and its entries, and pushes the folders to visit next onto the stack.
        unlisted: returns the result for a folder that cannot be listed.

    Raises:
        OSError: a machine fault, such as too many open files.
    """
    seen: set[tuple[int, int]] = set()
    stack = [root]
    while stack:
        folder = stack.pop()
        try:
            if first_visit(folder, seen):
                with os.scandir(folder) as entries:
                    yield from look(folder, entries, stack)
        except OSError as error:
            if error.errno in MACHINE:
                raise
            yield unlisted(folder)


def first_visit(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Add a folder to ``seen`` and return whether it is new, by device and inode."""
    status = folder.stat()
    place = (status.st_dev, status.st_ino)
    if place in seen:
        return False
    seen.add(place)
    return True


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or links to one; True if permissions hide that, so that it is reported."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno in MACHINE:
            raise
        return error.errno in (errno.EACCES, errno.EPERM)  # a circular link is not a folder
