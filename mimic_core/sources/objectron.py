"""Objectron: ``<class>/batch-<i>/<j>/video.MOV``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below


class Objectron(FolderSource):
    """One video per folder; names are not case-sensitive."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "folders <class>/batch-<i>/<j> that hold video.MOV"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the video in a folder below a batch."""
        if folder != root and folder.parent.name.lower().startswith("batch-"):
            folders.clear()
            path = next((path for path in files if path.name.lower() == "video.mov"), None)
            if path is not None:
                yield Unit(name_below(root, path), path)
            elif folder / "geometry.pbdata" in files:
                yield incomplete_unit(root, folder, "video.MOV")
