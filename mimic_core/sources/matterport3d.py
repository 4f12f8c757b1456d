"""Matterport3D: ``<name>/<name>.glb``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below

BESIDE = (".house", ".navmesh", "_semantic.ply")  # files that come with a scene


class Matterport3D(FolderSource):
    """One scene per folder, at any depth: the GLB with the folder's name."""

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "folders <name> that hold <name>.glb"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the folder as a unit if it holds its GLB."""
        scene = folder / f"{folder.name}.glb"
        if folder != root and scene in files:
            folders.clear()
            yield Unit(name_below(root, folder), scene)
        elif folder != root and any(folder / f"{folder.name}{suffix}" in files for suffix in BESIDE):
            yield incomplete_unit(root, folder, scene.name)
