"""3DStreetView: photos whose file names say which point they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from mimic_core.kit.errors import MimicError
from mimic_core.kit.values import FullText
from mimic_core.sources.base import IMAGES, Source, Unit, as_text, cannot_list, check_root, check_unique, name_below
from mimic_core.sources.many import Sorted, files_below

NAME = r"(?P<dataset>[0-9]+)_(?P<image>[0-9]+)_(?P<view>[0-9]+)_(?P<target>[0-9]+)"
LOST, SHOWN = b"0", b"1"  # a file of no target, one of the target that is its key


Pattern = Annotated[
    FullText,
    Field(description="regular expression of an image's name without its suffix, with a group called target"),
]


class StreetView(Source):
    """Images of the same target are one group, whichever folders below the root they lie in.

    A file is called ``<dataset>_<image>_<view>_<target>.jpg``; target ids are unique within a dataset (a tile of a
    city) only, so a unit is called ``<dataset>_<target>``. A name without a target id, and a group of one image, is a
    unit that cannot be read. There are 25 million images: they are never all held.

    Args:
        pattern: regular expression of a name without its suffix; its group ``target`` is the target id, and its group
            ``dataset``, where it has one, what that is unique within.

    Raises:
        MimicError: the pattern is no regular expression with a group ``target``.
    """

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "images <dataset>_<image>_<view>_<target>.jpg at any depth"

    def __init__(self, pattern: Pattern = NAME) -> None:
        where = "config key sources.<name>.options.pattern"
        try:
            self.pattern = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise MimicError(f"{pattern!r} is no regular expression ({error})", where=where) from error
        if "target" not in self.pattern.groupindex:
            remedy = f"name the target id's, such as {NAME}"
            raise MimicError(f"{pattern!r} has no group called target", where=where, remedy=remedy)

    def target_of(self, stem: str) -> str | None:
        """The name of the target that a file shows; None where its name says none."""
        found = self.pattern.fullmatch(stem)
        if not found or not found["target"]:
            return None
        dataset = found["dataset"] if "dataset" in self.pattern.groupindex else None
        return as_text(found["target"] if dataset is None else f"{dataset}_{found['target']}")

    def find(self, root: Path) -> list[Unit]:
        """List the targets, and what belongs to none."""
        return list(self.listed(root))

    def units(self, root: str | Path) -> list[Unit]:
        """List the units; raises as :meth:`listed`."""
        return list(self.listed(root))

    def listed(self, root: str | Path) -> Iterator[Unit]:
        """The targets, and what belongs to none; of the latter, ``./12`` is named apart from the target ``12``.

        They come by name; of more files than are held at once, first in an order of its own.
        """
        root = Path(root)
        check_root(root)
        with Sorted() as records:
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
                raise self.nothing(root)
            for part in records.parts():
                units = sorted(units_of(root, part), key=lambda unit: unit.name)
                check_unique(units)
                yield from units


def units_of(root: Path, groups: Iterator[tuple[bytes, list[tuple[bytes, Path]]]]) -> Iterator[Unit]:
    """The units of files by name: those that show a target, and each that shows none."""
    for key, files in groups:
        name = key.decode()
        images = tuple(root / path for kind, path in files if kind == SHOWN)
        if images:
            alone = "" if len(images) > 1 else "one image of the two that a pair needs"
            yield Unit(name, root if not alone else images[0], images, fault=alone)
        for path in (root / path for kind, path in files if kind == LOST):
            listed = path.suffix.lower() in IMAGES
            fault = "a file name without a target id" if listed else "a folder that cannot be listed"
            yield Unit(f"./{name}" if images else name, path, fault=fault)
