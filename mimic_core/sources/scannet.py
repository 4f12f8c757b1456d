"""ScanNet: ``<scene>/<scene>.sens``, or extracted ``<scene>/color/<frame>.jpg``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below

SCENE = re.compile(r"scene[0-9]{4}_[0-9]{2}")  # folder name of a scene in the official release


class ScanNet(FolderSource):
    """One sequence per scene, frames in order of their numbers; extracted frames are preferred over the recording."""

    kind: ClassVar[str] = "sequence"
    layout: ClassVar[str] = "folders <scene> that hold <scene>.sens, or a folder color with images"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the scene in a folder."""
        extracted, recording = folder / "color", folder / f"{folder.name}.sens"
        if folder != root and (extracted in folders or recording in files):
            path = extracted if extracted in folders else recording
            folders.clear()
            yield Unit(name_below(root, folder), path)
        elif folder != root and SCENE.fullmatch(folder.name) and (files or folders):
            folders.clear()
            yield incomplete_unit(root, folder, recording.name)
