"""A folder of videos, at any depth: anybody's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below

COMMON = [".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"]
OTHER = [".mts", ".m2ts", ".3gp", ".wmv", ".flv", ".ogv", ".gif"]
SUFFIXES = frozenset(COMMON + OTHER)


class Videos(FolderSource):
    """Every video below the root, at any depth."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "video files, such as holiday.mp4, at any depth"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The files with a video's suffix; hidden ones are passed over."""
        return (Unit(name_below(root, path), path) for path in files if path.suffix.lower() in SUFFIXES)
