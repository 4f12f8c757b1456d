"""DeMoN: HDF5 files with one group per sample, or one folder of images per sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.foreign import foreign
from mimic_core.foreign.hdf5 import members, open_hdf5
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources.base import FolderSource, Unit, images_of, name_below

SUFFIXES = (".h5", ".hdf5")


class DeMoN(FolderSource):
    """Every sample of every HDF5 file, named ``<file>/<group>``, and every folder with images, at any depth."""

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "files <name>.h5 with one group per sample, or one folder of images per sample"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the samples in a folder's HDF5 files, and the folder itself if it holds images."""
        if images := images_of(files):
            yield Unit(name_below(root, folder), folder, tuple(images))
        for path in files:
            if path.suffix.lower() in SUFFIXES:
                yield from samples_of(root, path)


def samples_of(root: Path, path: Path) -> Iterator[Unit]:
    """Yield an HDF5 file's groups, reading only their names; a file that cannot be opened is one unreadable unit."""
    whole = name_below(root, path)
    try:
        with foreign("the HDF5 file cannot be listed", path), open_hdf5(path) as file:
            names = members(file)
    except UnreadableError as error:
        yield Unit(whole, path, fault=error.what)
        return
    if not names:
        yield Unit(whole, path, fault="the HDF5 file has no samples")
    for name in names:
        if name in ("", ".") or "/" in name:
            yield Unit(f"{whole}/{name!r}", path, fault="HDF5 would read this group's name as a path")
        else:
            yield Unit(name_below(root, path / name), path, inside=name)
