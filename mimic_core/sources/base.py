"""What every source offers: a list of units, each a video, a sequence, a group of images or a scene on disk."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimic_core.errors import MimicError

IMAGES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".heic"])


@dataclass(frozen=True)
class Unit:
    """A video, a sequence or group of images, or a scene: candidate pairs never cross from one unit to another.

    Attributes:
        name: its path below the source's root, as a person would say it. Unique in its source.
        path: the file to open; of images, the folder that they lie in or below.
        images: the images, in order; empty where they are all images of the folder ``path``, listed when it is read.
        turn: quarter turns clockwise that bring the frames of a video upright, on top of what its own header says.
        inside: name of the group inside an HDF5 file.
        fault: why it cannot be read, where that is known before it is opened; empty otherwise.
        beside: further files that decide what it gives, such as a table of metadata.
    """

    name: str
    path: Path
    images: tuple[Path, ...] = ()
    turn: int = 0
    inside: str = ""
    fault: str = ""
    beside: tuple[Path, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The files it is read from."""
        return [*(self.listed_images() or [self.path]), *self.beside]

    def listed_images(self) -> list[Path]:
        """Its images in order; of a unit without ``images``, those of its folder, and none where that is no folder.

        A folder that cannot be listed holds none.
        """
        if self.images or self.fault:
            return list(self.images)
        try:
            return images_of(entry for entry in self.path.iterdir() if not entry.name.startswith("."))
        except OSError:
            return []

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


def images_of(files: Iterable[Path]) -> list[Path]:
    """Those of the files that have an image's suffix, in natural order of their names: frame2 before frame10."""
    return sorted((path for path in files if path.suffix.lower() in IMAGES), key=natural)


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key that counts as a person does: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts], path.name


def folders_below(root: Path) -> Iterator[tuple[Path, list[Path], list[Path]]]:
    """Every folder below the root, itself included, with its folders and its files by name, as ``os.walk`` does.

    Hidden ones are passed over, links are followed. What the caller removes from the list of folders is not entered. A
    folder that links lead to twice is visited once, so that a loop of links ends. One that may not be listed comes with
    itself as its only file, so that it is not passed over in silence.
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
            with os.scandir(folder) as listing:
                entries = sorted((entry.name, entry.is_dir()) for entry in listing if not entry.name.startswith("."))
        except OSError:
            yield folder, [], [folder]
            continue
        folders = [folder / name for name, is_folder in entries if is_folder]
        yield folder, folders, [folder / name for name, is_folder in entries if not is_folder]
        stack += reversed(folders)


class Source(ABC):
    """A dataset as it lies on disk.

    A subclass says its ``kind`` and lists its units; nothing else knows its layout. The kinds are ``video``,
    ``sequence`` (images in order), ``group`` (images of one place) and ``scene``.
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
        try:
            units = sorted(self.find(root), key=lambda unit: unit.name)
        except OSError as error:
            raise MimicError(
                f"the folder of a source cannot be listed ({error.strerror})", where=root, remedy="check permissions"
            ) from error
        if not units:
            raise MimicError("a source holds nothing to read", where=root, remedy=f"expected {self.layout}")
        return units


class FolderSource(Source):
    """A source that is looked for folder by folder, at any depth."""

    @abstractmethod
    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterable[Unit]:
        """The units that a folder holds, given its folders and files; clear ``folders`` and they are not entered."""

    def find(self, root: Path) -> list[Unit]:
        """List the units of every folder, and each folder that may not be listed as a unit that cannot be read."""
        found: list[Unit] = []
        for folder, folders, files in folders_below(root):
            if files == [folder]:
                found.append(Unit(name_below(root, folder), folder, fault="a folder that cannot be listed"))
            else:
                found += self.units_in(root, folder, folders, files)
        return found


def in_shard(units: list[Unit], shard: int, shards: int) -> list[Unit]:
    """Units of one shard: every ``shards``-th by order of name, so that shards are of like size."""
    return units[shard::shards]
