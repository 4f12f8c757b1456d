"""A user's own images: folders with photos of a place, or with the frames of a video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below
from mimic_core.sources.content import pictures_among


class Images(FolderSource):
    """One unit per folder that directly holds images, in natural order of their names.

    Images are recognised by their first bytes or their suffix; an animated GIF is a video.
    """

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "folders of images, such as church/front.jpg, at any depth"
    user_data: ClassVar[bool] = True

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the folder as a unit if it holds images itself."""
        if images := pictures_among(files):
            yield Unit(name_below(root, folder), folder, tuple(images))
