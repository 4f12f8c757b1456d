"""What every source offers: a list of units, each a video or a scene on disk."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimic_core.errors import MimicError


@dataclass(frozen=True)
class Unit:
    """A video, a scene or a folder of images: candidate pairs never cross from one unit to another.

    Attributes:
        name: its path below the source's root, as a person would say it. Unique in its source.
        path: the file to open; of a folder of images, the folder.
        images: the images of a folder, in order.
    """

    name: str
    path: Path
    images: tuple[Path, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The files it is read from."""
        return list(self.images) or [self.path]

    @property
    def key(self) -> str:
        """``name`` as letters, digits, ``_`` and ``-`` alone; a short hash keeps changed names apart."""
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name).strip("_")
        if safe == self.name:
            return safe
        return f"{safe[:80]}-{hashlib.sha256(self.name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def name_below(root: Path, path: Path) -> str:
    """Path below the root as text; bytes that are no UTF-8 are written as escapes, so that it can be stored."""
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")


def folders_below(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder below the root, itself included, with its files; hidden ones are passed over, links are followed.

    A folder that links lead to twice is visited once, so that a loop of links ends. One that may not be listed comes
    with itself as its only file, so that it is not passed over in silence.
    """
    seen: set[tuple[int, int]] = set()
    stack = [root]
    while stack:
        folder = stack.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        except OSError:
            yield folder, [folder]
            continue
        yield folder, [entry for entry in entries if not entry.is_dir()]
        stack += [entry for entry in reversed(entries) if entry.is_dir()]


class Source(ABC):
    """A dataset as it lies on disk.

    A subclass says its ``kind`` (``video``, ``scene`` or ``group``) and lists its units; nothing else knows its layout.
    """

    kind: ClassVar[str]
    layout: ClassVar[str]  # what a user should see below the root, for messages

    @abstractmethod
    def find(self, root: Path) -> list[Unit]:
        """List the units below ``root``, in any order."""

    def units(self, root: str | Path) -> list[Unit]:
        """List the units below ``root`` by name.

        Raises:
            MimicError: ``root`` is no folder, or holds no unit.
        """
        root = Path(root)
        if not root.is_dir():
            raise MimicError(
                "the folder of a source is not there", where=root, remedy="correct the source's root in the config"
            )
        units = sorted(self.find(root), key=lambda unit: unit.name)
        if not units:
            raise MimicError("a source holds nothing to read", where=root, remedy=f"expected {self.layout}")
        return units


def in_shard(units: list[Unit], shard: int, shards: int) -> list[Unit]:
    """Units of one shard: every ``shards``-th by order of name, so that shards are of like size."""
    return units[shard::shards]
