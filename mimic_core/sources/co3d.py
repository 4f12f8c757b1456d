"""Common Objects in 3D: ``<category>/<sequence>/images/frame000001.jpg``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, lacking, name_below

BESIDE = ("masks", "depths", "depth_masks")  # what is shipped beside a sequence's images


class CO3D(FolderSource):
    """One sequence a folder. Its images are listed only when it is read: there are millions in all."""

    kind: ClassVar[str] = "sequence"
    layout: ClassVar[str] = "folders <category>/<sequence>/images of images"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The sequence of a folder."""
        if folder != root and (images := folder / "images") in folders:
            folders.clear()  # masks and depths lie beside
            yield Unit(name_below(root, folder), images)
        elif folder != root and any(folder / name in folders for name in BESIDE):
            folders.clear()
            yield lacking(root, folder, "folder images")
