"""Common Objects in 3D: ``<category>/<sequence>/images/frame000001.jpg``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below

BESIDE = ("masks", "depths", "depth_masks")  # folders that come with a sequence's images


class CO3D(FolderSource):
    """One sequence per folder. Its images are listed when it is read, since there are millions in total."""

    kind: ClassVar[str] = "sequence"
    layout: ClassVar[str] = "folders <category>/<sequence>/images with images"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the sequence in a folder."""
        if folder != root and (images := folder / "images") in folders:
            folders.clear()  # skip masks and depths
            yield Unit(name_below(root, folder), images)
        elif folder != root and any(folder / name in folders for name in BESIDE):
            folders.clear()
            yield incomplete_unit(root, folder, "images folder")
