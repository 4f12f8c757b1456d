"""Every folder below a root, each once."""

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
    """Every folder below the root, itself included, with its folders and its files by name, as ``os.walk`` does.

    Hidden ones are passed over, links are followed. What the caller removes from the list of folders is not entered. A
    folder that links lead to twice is visited once, so that a loop of links ends. One that may not be listed comes with
    itself as its only file, so that it is not passed over in silence. Nothing is opened: pipes and devices, and links
    that lead nowhere or to themselves, are among the files.

    Args:
        hidden: gets the hidden files and folders that were passed over.

    Raises:
        OSError: a fault of the machine.
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
    """Visit every folder below the root once, itself included, by whatever names links lead to it.

    Args:
        look: yields what there is to say of a folder and its entries, and adds to a stack the folders to visit next.
        unlisted: what there is to say of a folder that may not be listed.

    Raises:
        OSError: a fault of the machine.
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
    """Whether a folder is none of those ``seen``, by whatever name links lead to it; from now on it is one of them."""
    status = folder.stat()
    place = (status.st_dev, status.st_ino)
    if place in seen:
        return False
    seen.add(place)
    return True


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is, or leads to, a folder; also where that may not be looked at, so that it is named as one."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno in MACHINE:
            raise
        return error.errno in (errno.EACCES, errno.EPERM)  # a link to itself is none, and costs itself alone
