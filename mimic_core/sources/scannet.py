"""ScanNet: ``<scene>/<scene>.sens``, or extracted ``<scene>/color/<frame>.jpg``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, lacking, name_below

SCENE = re.compile(r"scene[0-9]{4}_[0-9]{2}")  # the name of a scene's folder, as it is shipped


class ScanNet(FolderSource):
    """One sequence a scene; where both lie there, the extracted frames are read. Frames stand in order of numbers."""

    kind: ClassVar[str] = "sequence"
    layout: ClassVar[str] = "folders <scene> that hold <scene>.sens, or a folder color of images"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The scene of a folder."""
        extracted, recording = folder / "color", folder / f"{folder.name}.sens"
        if folder != root and (extracted in folders or recording in files):
            path = extracted if extracted in folders else recording
            folders.clear()
            yield Unit(name_below(root, folder), path)
        elif folder != root and SCENE.fullmatch(folder.name) and (files or folders):
            folders.clear()
            yield lacking(root, folder, recording.name)
