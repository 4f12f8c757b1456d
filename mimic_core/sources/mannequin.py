"""MannequinChallenge: ``<clip>/trims/*.mp4``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below


class Mannequin(FolderSource):
    """Every trimmed clip; captions at the bottom are cut off by ``frames.crop_bottom`` (paper appendix C.1: 0.2)."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "folders <clip>/trims that hold .mp4 files"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The MP4s of a folder ``trims``."""
        if folder.name == "trims":
            folders.clear()
            yield from (Unit(name_below(root, path), path) for path in files if path.suffix.lower() == ".mp4")
