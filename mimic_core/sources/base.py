"""What every source offers: a list of units, each a video, a sequence, a group of images or a scene on disk."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from mimic_core.foreign import MACHINE
from mimic_core.kit.errors import MimicError, printable
from mimic_core.sources.walking import folders_below

LONGEST_NUMBER = 999  # digits of a number in a name that is counted as one
LONGEST_KEY = 200  # letters of a key: a file system takes 255 in a name, and more stands around it
LIKE_AN_ESCAPE = re.compile(r"\\(?=x(?:5c|[89a-f][0-9a-f]))")  # what as_text could have written for another name

IMAGES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".heic"])


@dataclass(frozen=True)
class Unit:
    """A video, a sequence or group of images, or a scene: candidate pairs never cross from one unit to another.

    Attributes:
        name: its path below the source's root, as a person would say it. Unique in its source.
        path: the file to open; of images, the folder that they lie in or below.
        images: the images, in order; empty where they are all images of the folder ``path``, listed when it is read.
        turn: quarter turns clockwise that bring the frames of a video upright, where its own header turns nothing.
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
        except OSError as error:
            if error.errno in MACHINE:
                raise
            return []

    @property
    def key(self) -> str:
        """``name`` as letters, digits, ``_`` and ``-`` alone; a short hash keeps changed and long names apart.

        Keys are names of members of tars, which tell ``A`` from ``a``.
        """
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name).strip("_")
        if safe == self.name and 0 < len(safe) <= LONGEST_KEY:
            return safe
        return f"{safe[:80]}-{short_hash(self.name)}"

    @property
    def folder(self) -> str:
        """``key`` as the name of a folder: a hash keeps ``A`` and ``a`` apart where the file system does not."""
        return self.key if self.key == self.key.lower() else f"{self.key}-{short_hash(self.key)}"


def short_hash(text: str) -> str:
    """Eight hexadecimal digits that tell texts apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def name_below(root: Path, path: Path) -> str:
    """Path below the root as text that can be stored: no two paths have the same, and only those of odd names change.

    Bytes that are no UTF-8 are written as escapes (``\\xff``), and so is a backslash before what reads as one. The root
    itself has its own name.
    """
    if path == root:
        return as_text(own_name(root))
    return as_text(path.relative_to(root).as_posix())


def own_name(root: Path) -> str:
    """The name of a folder, also of ``.`` and ``..``."""
    return root.name if root.name not in ("", "..") else root.resolve().name or "root"


def as_text(name: str) -> str:
    """A name from a file system as text that can be stored, one for each."""
    return os.fsencode(LIKE_AN_ESCAPE.sub(r"\\x5c", name)).decode("utf-8", "backslashreplace")


def check_unique(units: Iterable[Unit]) -> None:
    """See that no two units have one name or one key: one would be lost, and the other be used twice.

    Raises:
        MimicError: two have; both are named. Or one has no name.
    """
    seen: dict[tuple[str, str], Unit] = {}
    for unit in units:
        if unit.name in ("", "."):
            raise MimicError("a unit without a name", where=place_of(unit), remedy="mend the adapter of its source")
        for what, text in (("name", unit.name), ("key", unit.key)):
            other = seen.setdefault((what, text), unit)
            if other is not unit:
                raise MimicError(
                    f"two units have the {what} {text!r}",
                    where=f"{place_of(other)} and {place_of(unit)}",
                    remedy="rename one of them",
                )


def place_of(unit: Unit) -> str:
    """Where a unit lies, on one line."""
    return printable(str(unit.path / unit.inside) if unit.inside else str(unit.path))


def images_of(files: Iterable[Path]) -> list[Path]:
    """Those of the files that have an image's suffix, in natural order of their names: frame2 before frame10."""
    return sorted((path for path in files if path.suffix.lower() in IMAGES), key=natural)


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key that counts as a person does: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    whole = [part.isascii() and part.isdecimal() and len(part) <= LONGEST_NUMBER for part in parts]
    return [(int(part), "") if yes else (-1, part) for part, yes in zip(parts, whole, strict=True)], path.name


class Source(ABC):
    """A dataset as it lies on disk.

    A subclass says its ``kind`` and lists its units; nothing else knows its layout. The kinds are ``video``,
    ``sequence`` (images in order), ``group`` (images of one place) and ``scene``.
    """

    kind: ClassVar[str]
    layout: ClassVar[str]  # what a user should see below the root, for messages
    everything: ClassVar[bool] = False  # whether all of one's own is meant, so that what is passed over is counted

    @abstractmethod
    def find(self, root: Path) -> list[Unit]:
        """List the units below ``root``, in any order."""

    def units(self, root: str | Path) -> list[Unit]:
        """List the units below ``root`` by name.

        Raises:
            MimicError: ``root`` is no folder, holds no unit, or two of one name.
        """
        root = Path(root)
        check_root(root)
        try:
            units = sorted(self.find(root), key=lambda unit: unit.name)
        except OSError as error:
            raise cannot_list(root, error) from error
        if not units:
            raise self.nothing(root)
        check_unique(units)
        return units

    def listed(self, root: str | Path) -> Iterator[Unit]:
        """The units below ``root``; of a source of millions of files not all are held. Raises as :meth:`units`."""
        yield from self.units(root)

    def nothing(self, root: Path) -> MimicError:
        """The error of a root without a unit."""
        return MimicError("a source holds nothing to read", where=root, remedy=f"expected {self.layout}")


def check_root(root: Path) -> None:
    """See that the folder of a source is there."""
    if not root.is_dir():
        raise MimicError(
            "the folder of a source is not there", where=root, remedy="correct the source's root in the config"
        )


def cannot_list(root: Path, error: OSError) -> MimicError:
    """The error of a root that cannot be listed."""
    return MimicError(
        f"the folder of a source cannot be listed ({error.strerror})", where=root, remedy="check permissions"
    )


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
        return with_own_apart(root, found)


def lacking(root: Path, folder: Path, what: str) -> Unit:
    """A folder, shipped with a unit in it, that has none: a copy that was not finished."""
    return Unit(name_below(root, folder), folder, fault=f"a folder without its {what}: copy it again")


def with_own_apart(root: Path, units: list[Unit]) -> list[Unit]:
    """The units, the root's own named ``trip/.`` where ``trip`` is also the name of what lies in it: ``trip/trip``."""
    own = name_below(root, root)
    same = sum(unit.name == own for unit in units)
    inside = root / own_name(root)
    if same > 1 or (same and os.path.lexists(inside) and not inside.is_dir()):
        return [replace(unit, name=f"{own}/.") if unit.path == root and unit.name == own else unit for unit in units]
    return units


def in_shard(units: list[Unit], shard: int, shards: int) -> list[Unit]:
    """Units of one shard: every ``shards``-th by order of name, so that shards are of like size."""
    return units[shard::shards]
