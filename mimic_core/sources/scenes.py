"""A user's own 3D scenes, as GLB files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, name_below


class Scenes(FolderSource):
    """Every GLB below the root, at any depth."""

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "GLB files, such as house.glb, at any depth"
    user_data: ClassVar[bool] = True

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Return the files with the suffix ``.glb``."""
        return (Unit(name_below(root, path), path) for path in files if path.suffix.lower() == ".glb")
