"""Gibson: ``<name>.glb``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below


class Gibson(FolderSource):
    """One GLB a scene, at the root itself."""

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "scenes <name>.glb"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The root's GLBs."""
        folders.clear()
        return (Unit(name_below(root, path), path) for path in files if path.suffix.lower() == ".glb")
