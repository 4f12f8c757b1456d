"""Gibson: ``<name>.glb`` at the root, or ``<name>/<name>.glb``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below

ORIGINAL = "mesh_z_up.obj"  # in scene folders of the first release, which has no GLBs


class Gibson(FolderSource):
    """One GLB per scene: every GLB in the root, and in a folder the GLB with the folder's name."""

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "scenes <name>.glb, or folders <name> that hold <name>.glb"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the root's GLBs, or the scene in a folder."""
        scenes = [path for path in files if path.suffix.lower() == ".glb"]
        if folder == root:
            yield from (Unit(name_below(root, path), path) for path in scenes)
            return
        path = next((path for path in scenes if path.stem == folder.name), None)
        if path is not None:
            folders.clear()
            yield Unit(name_below(root, folder), path)
        elif folder / ORIGINAL in files:
            folders.clear()
            what = f"{folder.name}.glb (from Gibson's release for Habitat; {ORIGINAL} is not read)"
            yield incomplete_unit(root, folder, what)
        elif folder / f"{folder.name}.navmesh" in files:
            folders.clear()
            yield incomplete_unit(root, folder, f"{folder.name}.glb")
