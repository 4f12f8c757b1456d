"""Habitat-Matterport 3D: ``<id>-<name>/<name>.basis.glb`` (or ``.glb``)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import Source, Unit


class HM3D(Source):
    """One scene a folder; an uncompressed ``.glb`` is preferred where both lie there."""

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "folders <id>-<name> that hold <name>.glb or <name>.basis.glb"

    def find(self, root: Path) -> list[Unit]:
        """List the scene folders that hold their GLB."""
        found = []
        for folder in root.iterdir():
            name = folder.name.partition("-")[2]
            choices = [folder / f"{name}.glb", folder / f"{name}.basis.glb"]
            path = next((choice for choice in choices if name and choice.is_file()), None)
            if path is not None:
                found.append(Unit(folder.name, path))
        return found
