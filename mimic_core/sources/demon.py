"""DeMoN: HDF5 files with a group a sample, or folders of images, one a sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import FolderSource, Unit, images_of, name_below

SUFFIXES = (".h5", ".hdf5")


class DeMoN(FolderSource):
    """Samples of every HDF5 file, named ``<file>/<group>``, and every folder that holds images, at any depth."""

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "files <name>.h5 with a group a sample, or folders of images, one a sample"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The samples of a folder's HDF5 files, and the folder itself where it holds images."""
        if images := images_of(files):
            yield Unit(name_below(root, folder), folder, tuple(images))
        for path in files:
            if path.suffix.lower() in SUFFIXES:
                yield from samples_of(root, path)


def samples_of(root: Path, path: Path) -> Iterator[Unit]:
    """The groups of an HDF5 file by their names alone; a file that cannot be opened is one unit that says so."""
    import h5py  # only here: it takes longer to import than all other adapters to run

    try:
        with h5py.File(path, "r", locking=False) as file:
            names = sorted(file)
    except (OSError, RuntimeError, ValueError) as error:
        yield Unit(name_below(root, path), path, fault=f"an HDF5 file that cannot be opened ({error})")
        return
    if not names:
        yield Unit(name_below(root, path), path, fault="an HDF5 file without a sample")
    for name in names:
        yield Unit(name_below(root, path / name), path, inside=name)
