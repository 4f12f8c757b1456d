"""A folder of videos: anybody's own, or the sample world's walkthroughs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import Source, Unit, folders_below, name_below

COMMON = [".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"]
OTHER = [".mts", ".m2ts", ".3gp", ".wmv", ".flv", ".ogv", ".gif"]
SUFFIXES = frozenset(COMMON + OTHER)


class Videos(Source):
    """Every video below the root, at any depth."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "video files, such as holiday.mp4, at any depth"

    def find(self, root: Path) -> list[Unit]:
        """List the files with a video's suffix, and folders that may not be listed; hidden ones are passed over."""
        return [
            Unit(name_below(root, path), path)
            for folder, files in folders_below(root)
            for path in files
            if path.suffix.lower() in SUFFIXES or path == folder
        ]
