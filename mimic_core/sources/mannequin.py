"""MannequinChallenge: ``<clip>/trims/*.mp4``, clips that the user cuts from the videos.

The dataset itself is a folder of lists, ``{train,validation,test}/<id>.txt``. The first line of each is the address of
a YouTube video; each further line has a time stamp (microseconds), camera and pose. A clip runs from the first to the
last time stamp. Many of the videos are gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.foreign import open_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below
from mimic_core.sources.walking import folders_below


class Mannequin(FolderSource):
    """Every trimmed clip; ``frames.crop_bottom`` cuts off captions at the bottom (paper appendix C.1: 0.2)."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "folders <clip>/trims that hold .mp4 files"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the MP4s in a folder ``trims``."""
        if folder.name == "trims":
            folders.clear()
            clips = [path for path in files if path.suffix.lower() == ".mp4"]
            yield from (Unit(name_below(root, path), path) for path in clips)
            if not clips:
                yield incomplete_unit(root, folder, "clips (.mp4)")

    def find(self, root: Path) -> list[Unit]:
        """List the clips.

        Raises:
            MimicError: the root holds lists of videos but no clips.
        """
        found = super().find(root)
        if not found and (path := next(lists_below(root), None)) is not None:
            raise MimicError(
                "this folder holds MannequinChallenge's lists of videos on YouTube, not the videos",
                where=path,
                remedy="cut each listed video between its first and last time stamp, into <clip>/trims/<name>.mp4",
            )
        return found


def lists_below(root: Path) -> Iterator[Path]:
    """Yield the dataset's lists of videos."""
    for _, _, files in folders_below(root):
        for path in files:
            if path.suffix == ".txt" and is_list(path):
                yield path


def is_list(path: Path) -> bool:
    """Whether a text file's first line is a YouTube address."""
    try:
        with open_regular(path) as file:
            return b"youtube.com/" in file.readline(200)
    except UnreadableError:
        return False
