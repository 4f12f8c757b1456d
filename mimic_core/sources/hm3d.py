"""Habitat-Matterport 3D: ``<id>-<name>/<name>.basis.glb`` (or ``.glb``), also below ``train`` and ``val``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below

COPIES = re.compile(r"(?:^|[-_])(?:minival|example)(?:$|[-_])")  # folders that hold scenes of train and val again


class HM3D(FolderSource):
    """One scene a folder, at any depth; an uncompressed ``.glb`` is preferred where both lie there.

    As it is downloaded, ``train``, ``val`` and ``minival`` lie below the root. A scene of ``minival`` or ``example``
    that is also found elsewhere is left out there.
    """

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "folders <id>-<name> that hold <name>.glb or <name>.basis.glb"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The scene of a folder, where it holds its GLB."""
        name = folder.name.partition("-")[2]
        choices = [folder / f"{name}.glb", folder / f"{name}.basis.glb"]
        path = next((choice for choice in choices if name and choice in files), None)
        if folder != root and path is not None:
            folders.clear()
            yield Unit(name_below(root, folder), path)

    def find(self, root: Path) -> list[Unit]:
        """List the scenes, each copy of a scene left out."""
        units = super().find(root)
        scenes = {unit.path.parent.name for unit in units if not unit.fault and not is_copy(root, unit)}
        return [unit for unit in units if unit.fault or not is_copy(root, unit) or unit.path.parent.name not in scenes]


def is_copy(root: Path, unit: Unit) -> bool:
    """Whether a scene lies in a folder of copies."""
    return any(COPIES.search(part) for part in unit.path.relative_to(root).parts[:-2])
