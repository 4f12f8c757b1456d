"""MannequinChallenge: ``<clip>/trims/*.mp4``, cut by whoever mines it.

The dataset itself is a folder of lists, ``{train,validation,test}/<id>.txt``: each names a video on YouTube in its
first line, and then a time stamp (microseconds), camera and pose a line. Clips are cut from the videos between the
first and the last of them; many of the videos are gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.foreign import open_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources.base import FolderSource, Unit, lacking, name_below
from mimic_core.sources.walking import folders_below


class Mannequin(FolderSource):
    """Every trimmed clip; captions at the bottom are cut off by ``frames.crop_bottom`` (paper appendix C.1: 0.2)."""

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "folders <clip>/trims that hold .mp4 files"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The MP4s of a folder ``trims``."""
        if folder.name == "trims":
            folders.clear()
            clips = [path for path in files if path.suffix.lower() == ".mp4"]
            yield from (Unit(name_below(root, path), path) for path in clips)
            if not clips:
                yield lacking(root, folder, "clips (.mp4)")

    def find(self, root: Path) -> list[Unit]:
        """List the clips.

        Raises:
            MimicError: there are lists of videos alone.
        """
        found = super().find(root)
        if not found and (path := next(lists_below(root), None)) is not None:
            raise MimicError(
                "these are MannequinChallenge's lists of videos on YouTube, and no videos",
                where=path,
                remedy="cut each listed video between its first and last time stamp, into <clip>/trims/<name>.mp4",
            )
        return found


def lists_below(root: Path) -> Iterator[Path]:
    """The lists of the dataset as it is shipped."""
    for _, _, files in folders_below(root):
        for path in files:
            if path.suffix == ".txt" and is_list(path):
                yield path


def is_list(path: Path) -> bool:
    """Whether a text's first line is an address on YouTube."""
    try:
        with open_regular(path) as file:
            return b"youtube.com/" in file.readline(200)
    except UnreadableError:
        return False
