"""3DStreetView: photos whose file names give the id of the point they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from mimic_core.kit.errors import MimicError
from mimic_core.kit.values import FullText
from mimic_core.sources.base import IMAGES, Source, Unit, as_text, cannot_list, check_root, check_unique, name_below
from mimic_core.sources.many import GroupedRecords, files_below

NAME = r"(?P<dataset>[0-9]+)_(?P<image>[0-9]+)_(?P<view>[0-9]+)_(?P<target>[0-9]+)"
LOST, SHOWN = b"0", b"1"  # kinds of records: a file without a target, a file that shows the target in its key


Pattern = Annotated[
    FullText,
    Field(description="regular expression for an image's name without its suffix, with a group named target"),
]


class StreetView(Source):
    """Images of the same target form one group, in whatever folders below the root they lie.

    Files are named ``<dataset>_<image>_<view>_<target>.jpg``. Target ids are only unique within a dataset (a tile of a
    city), so units are named ``<dataset>_<target>``. A file without a target id and a group of one image are unreadable
    units. There are 25 million images, so they are never all held in memory.

    Args:
        pattern: regular expression for a name without its suffix; its group ``target`` is the target id, and its
            optional group ``dataset`` is the scope in which that id is unique.

    Raises:
        MimicError: the pattern is not a regular expression, or has no group ``target``.
    """

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "images <dataset>_<image>_<view>_<target>.jpg at any depth"

    def __init__(self, pattern: Pattern = NAME) -> None:
        where = "config key sources.<name>.options.pattern"
        try:
            self.pattern = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise MimicError(f"{pattern!r} is not a regular expression ({error})", where=where) from error
        if "target" not in self.pattern.groupindex:
            remedy = f"name the group of the target id, as in {NAME}"
            raise MimicError(f"{pattern!r} has no group named target", where=where, remedy=remedy)

    def target_of(self, stem: str) -> str | None:
        """Return the name of the target that a file shows, or None if the file name has no target id."""
        found = self.pattern.fullmatch(stem)
        if not found or not found["target"]:
            return None
        dataset = found["dataset"] if "dataset" in self.pattern.groupindex else None
        return as_text(found["target"] if dataset is None else f"{dataset}_{found['target']}")

    def find(self, root: Path) -> list[Unit]:
        """List the targets and the files without a target."""
        return list(self.listed(root))

    def units(self, root: str | Path) -> list[Unit]:
        """List the units; raises as :meth:`listed`."""
        return list(self.listed(root))

    def listed(self, root: str | Path) -> Iterator[Unit]:
        """Yield the targets and the files without a target, which are named ``./12`` if there is a target ``12``.

        Units are sorted by name; with too many files to hold in memory, only within each part.
        """
        root = Path(root)
        check_root(root)
        with GroupedRecords() as records:
            try:
                for path, readable in files_below(root):
                    target = self.target_of(path.stem) if readable else None
                    if target is not None and path.suffix.lower() in IMAGES:
                        records.add(target.encode(), SHOWN, path.relative_to(root))
                    elif not readable or path.suffix.lower() in IMAGES:
                        records.add(name_below(root, path).encode(), LOST, path.relative_to(root))
            except OSError as error:
                raise cannot_list(root, error) from error
            if not len(records):
                raise self.no_units_error(root)
            for part in records.parts():
                units = sorted(units_of(root, part), key=lambda unit: unit.name)
                check_unique(units)
                yield from units


def units_of(root: Path, groups: Iterator[tuple[bytes, list[tuple[bytes, Path]]]]) -> Iterator[Unit]:
    """Yield the units of grouped records: one per target, and one per file without a target."""
    for key, files in groups:
        name = key.decode()
        images = tuple(root / path for kind, path in files if kind == SHOWN)
        if images:
            alone = "" if len(images) > 1 else "only one image; a pair needs two"
            yield Unit(name, root if not alone else images[0], images, fault=alone)
        for path in (root / path for kind, path in files if kind == LOST):
            listed = path.suffix.lower() in IMAGES
            fault = "the file name has no target id" if listed else "the folder cannot be listed"
            yield Unit(f"./{name}" if images else name, path, fault=fault)
