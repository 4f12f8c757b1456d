"""Base classes of sources. A source lists units: videos, sequences, groups of images or scenes on disk."""

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

LONGEST_NUMBER = 999  # digits; longer runs of digits in a name are sorted as text
LONGEST_KEY = 200  # characters: file systems allow 255 in a name, and callers add to the key
ESCAPE_LOOKALIKE = re.compile(r"\\(?=x(?:5c|[89a-f][0-9a-f]))")  # as_text may write it for another name

IMAGES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".heic"])


@dataclass(frozen=True)
class Unit:
    """A video, a sequence or group of images, or a scene. The two views of a pair always come from one unit.

    Attributes:
        name: human-readable path below the source's root, unique within the source.
        path: the file to open; for images, the folder that contains them, directly or at any depth.
        images: the images, in order; if empty, all images in the folder ``path``, listed when the unit is read.
        turn: clockwise quarter turns that bring a video's frames upright; ignored if its own header turns them.
        inside: name of the group inside an HDF5 file.
        fault: why the unit cannot be read, if that is known before opening it; empty otherwise.
        beside: additional files that its content depends on, such as a metadata table.
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
        """The files that the unit is read from."""
        return [*(self.listed_images() or [self.path]), *self.beside]

    def listed_images(self) -> list[Path]:
        """Return the unit's images in order: ``images`` or, if empty, the images in the folder ``path``.

        The list is empty if ``path`` is not a folder or cannot be listed.
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
        """``name`` reduced to letters, digits, ``_`` and ``-``; a short hash keeps altered and long names distinct.

        Keys name the members of tar archives, which are case-sensitive.
        """
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name).strip("_")
        if safe == self.name and 0 < len(safe) <= LONGEST_KEY:
            return safe
        return f"{safe[:80]}-{short_hash(self.name)}"

    @property
    def folder(self) -> str:
        """``key`` as a folder name; a hash keeps ``A`` and ``a`` distinct on case-insensitive file systems."""
        return self.key if self.key == self.key.lower() else f"{self.key}-{short_hash(self.key)}"


def short_hash(text: str) -> str:
    """Return the first eight hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def name_below(root: Path, path: Path) -> str:
    """Return a path below the root as text that can be stored, distinct for every path.

    Bytes that are not valid UTF-8 become escapes (``\\xff``), and so does a backslash that would read as the start of
    one; other names stay unchanged. The root is called by its folder name.
    """
    if path == root:
        return as_text(folder_name(root))
    return as_text(path.relative_to(root).as_posix())


def folder_name(root: Path) -> str:
    """Return the name of a folder, also for ``.`` and ``..``."""
    return root.name if root.name not in ("", "..") else root.resolve().name or "root"


def as_text(name: str) -> str:
    """Return a file system name as text that can be stored, distinct for every name."""
    return os.fsencode(ESCAPE_LOOKALIKE.sub(r"\\x5c", name)).decode("utf-8", "backslashreplace")


def check_unique(units: Iterable[Unit]) -> None:
    """Check that no two units share a name or a key: one would be lost and the other used twice.

    Raises:
        MimicError: two units share one (the error names both), or a unit has no name.
    """
    seen: dict[tuple[str, str], Unit] = {}
    for unit in units:
        if unit.name in ("", "."):
            raise MimicError("a unit has no name", where=location(unit), remedy="correct the source's adapter")
        for what, text in (("name", unit.name), ("key", unit.key)):
            other = seen.setdefault((what, text), unit)
            if other is not unit:
                raise MimicError(
                    f"two units have the {what} {text!r}",
                    where=f"{location(other)} and {location(unit)}",
                    remedy="rename one of them",
                )


def location(unit: Unit) -> str:
    """Return where a unit lies, on one line, for error messages."""
    return printable(str(unit.path / unit.inside) if unit.inside else str(unit.path))


def images_of(files: Iterable[Path]) -> list[Path]:
    """Return the files with an image suffix, in natural order of their names: frame2 before frame10."""
    return sorted((path for path in files if path.suffix.lower() in IMAGES), key=natural)


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key for natural order: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    is_number = [part.isascii() and part.isdecimal() and len(part) <= LONGEST_NUMBER for part in parts]
    return [
        (int(part), "") if numeric else (-1, part) for part, numeric in zip(parts, is_number, strict=True)
    ], path.name


class Source(ABC):
    """A dataset on disk.

    A subclass sets ``kind`` and lists the units; no other code knows the dataset's layout. The kinds are ``video``,
    ``sequence`` (images in order), ``group`` (images of one place) and ``scene``.
    """

    kind: ClassVar[str]
    layout: ClassVar[str]  # what belongs below the root, for error messages
    user_data: ClassVar[bool] = False  # whether the root holds a user's own files, so that skipped ones are reported

    @abstractmethod
    def find(self, root: Path) -> list[Unit]:
        """List the units below ``root``, in any order."""

    def units(self, root: str | Path) -> list[Unit]:
        """List the units below ``root``, sorted by name.

        Raises:
            MimicError: ``root`` is not a folder or holds no unit, or two units share a name or a key.
        """
        root = Path(root)
        check_root(root)
        try:
            units = sorted(self.find(root), key=lambda unit: unit.name)
        except OSError as error:
            raise cannot_list(root, error) from error
        if not units:
            raise self.no_units_error(root)
        check_unique(units)
        return units

    def listed(self, root: str | Path) -> Iterator[Unit]:
        """Yield the units below ``root``, without holding all of a very large source. Raises as :meth:`units`."""
        yield from self.units(root)

    def no_units_error(self, root: Path) -> MimicError:
        """Return the error for a root without units."""
        return MimicError("the source holds nothing to read", where=root, remedy=f"expected {self.layout}")


def check_root(root: Path) -> None:
    """Check that a source's folder exists."""
    if not root.is_dir():
        raise MimicError(
            "the source's folder does not exist", where=root, remedy="correct the source's root in the config"
        )


def cannot_list(root: Path, error: OSError) -> MimicError:
    """Return the error for a source's folder that cannot be listed."""
    return MimicError(
        f"the source's folder cannot be listed ({error.strerror})", where=root, remedy="check permissions"
    )


class FolderSource(Source):
    """A source whose units are found folder by folder, at any depth."""

    @abstractmethod
    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterable[Unit]:
        """Return the units in a folder, given its subfolders and files; clear ``folders`` to skip the subfolders."""

    def find(self, root: Path) -> list[Unit]:
        """List the units of every folder; a folder that cannot be listed becomes an unreadable unit."""
        found: list[Unit] = []
        for folder, folders, files in folders_below(root):
            if files == [folder]:
                found.append(Unit(name_below(root, folder), folder, fault="the folder cannot be listed"))
            else:
                found += self.units_in(root, folder, folders, files)
        return rename_root_unit(root, found)


def incomplete_unit(root: Path, folder: Path, what: str) -> Unit:
    """Return an unreadable unit for a folder that should hold one but lacks its main file, as after a broken copy."""
    return Unit(name_below(root, folder), folder, fault=f"the folder has no {what}: copy it again")


def rename_root_unit(root: Path, units: list[Unit]) -> list[Unit]:
    """Rename the root's own unit to ``trip/.`` if the root ``trip`` also contains something called ``trip``."""
    own = name_below(root, root)
    same = sum(unit.name == own for unit in units)
    inside = root / folder_name(root)
    if same > 1 or (same and os.path.lexists(inside) and not inside.is_dir()):
        return [replace(unit, name=f"{own}/.") if unit.path == root and unit.name == own else unit for unit in units]
    return units


def in_shard(units: list[Unit], shard: int, shards: int) -> list[Unit]:
    """Return the units of one shard: every ``shards``-th unit, so that shards have similar sizes."""
    return units[shard::shards]
