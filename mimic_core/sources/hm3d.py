"""Habitat-Matterport 3D: ``<id>-<name>/<name>.basis.glb`` (or ``.glb``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below


class HM3D(FolderSource):
    """One scene a folder of the root; an uncompressed ``.glb`` is preferred where both lie there."""

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "folders <id>-<name> that hold <name>.glb or <name>.basis.glb"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The scene of a folder, where it holds its GLB."""
        if folder == root:
            return
        folders.clear()
        name = folder.name.partition("-")[2]
        choices = [folder / f"{name}.glb", folder / f"{name}.basis.glb"]
        path = next((choice for choice in choices if name and choice in files), None)
        if path is not None:
            yield Unit(name_below(root, folder), path)
