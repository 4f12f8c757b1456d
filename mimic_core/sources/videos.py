"""A user's own videos, at any depth below a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below
from mimic_core.sources.content import VIDEO, kind_of


class Videos(FolderSource):
    """Every video below the root, recognised by its first bytes or its suffix; hidden files are skipped."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "video files, such as holiday.mp4, at any depth"
    user_data: ClassVar[bool] = True

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Return the videos among the files."""
        return (Unit(name_below(root, path), path) for path in files if kind_of(path) == VIDEO)
