"""Folders of images: anybody's own photos of a place, or the frames of a video as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below
from mimic_core.sources.content import pictures_among


class Images(FolderSource):
    """Every folder below the root that holds images is one unit; its images stand in natural order of their names.

    What is an image is seen by a file's first bytes; an animated GIF is a video.
    """

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "folders of images, such as church/front.jpg, at any depth"
    everything: ClassVar[bool] = True

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The folder, where it holds images itself."""
        if images := pictures_among(files):
            yield Unit(name_below(root, folder), folder, tuple(images))
