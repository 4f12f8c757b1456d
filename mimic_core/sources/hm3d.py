"""Habitat-Matterport 3D: ``<split>/<id>-<name>/<name>.basis.glb`` (or ``.glb``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from annotated_types import Len
from pydantic import Field

from mimic_core.kit.errors import MimicError
from mimic_core.kit.values import Distinct
from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below

Split = Literal["train", "val", "minival", "example", "test"]
SPLITS = get_args(Split)
COPIES = ("minival", "example")  # repeat scenes of train and val
SCENE = re.compile(r"[0-9]{5}-[A-Za-z0-9]{11}")  # folder name of a scene in the official release


Splits = Annotated[
    Sequence[Split], Len(1), Distinct, Field(description="splits to read; the paper mines train and val")
]


class HM3D(FolderSource):
    """One scene per folder, at any depth; an uncompressed ``.glb`` is preferred over a ``.basis.glb``.

    A folder above the scene names its split: ``train`` in ``hm3d/train/...`` and in ``hm3d-train-habitat-v0.2/...``.
    Scenes of splits that are not selected are skipped; scenes below no split are read. A scene of ``minival`` or
    ``example`` is skipped if it is also found in another split.

    Args:
        splits: splits to read; the paper mines train and val.

    Raises:
        MimicError: a split is unknown, or none is selected.
    """

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "folders <id>-<name> that hold <name>.glb or <name>.basis.glb"

    def __init__(self, splits: Splits = ("train", "val")) -> None:
        unknown = [split for split in splits if split not in SPLITS]
        if unknown or not splits:
            raise MimicError(
                f"HM3D has no split {unknown[0]!r}" if unknown else "no split of HM3D is selected",
                where="config key sources.<name>.options.splits",
                remedy=f"choose from: {', '.join(SPLITS)}",
            )
        self.splits = tuple(splits)

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """Yield the scene in a folder; a scene folder without its GLB is an unreadable unit."""
        split = split_of(folder.relative_to(root))
        if split is not None and split not in self.splits:
            folders.clear()
            return
        name = folder.name.partition("-")[2]
        choices = [folder / f"{name}.glb", folder / f"{name}.basis.glb"]
        path = next((choice for choice in choices if name and choice in files), None)
        if folder != root and path is not None:
            folders.clear()
            yield Unit(name_below(root, folder), path)
        elif folder != root and SCENE.fullmatch(folder.name):
            folders.clear()
            yield incomplete_unit(root, folder, f"{name}.basis.glb")

    def find(self, root: Path) -> list[Unit]:
        """List the scenes without repeated ones, and each selected split that is missing as an unreadable unit.

        Missing splits are not reported if a scene lies below no split, since it may belong to any of them.
        """
        units = super().find(root)
        there = {split_of(folder_of(root, unit)) for unit in units}
        scenes = {unit.path.parent.name for unit in units if not unit.fault and not is_copy(root, unit)}
        units = [unit for unit in units if unit.fault or not is_copy(root, unit) or unit.path.parent.name not in scenes]
        if there and None not in there:
            fault = "this split has no scenes: fetch it, or remove it from options.splits"
            gone = [root / split for split in self.splits if split not in there]
            units += [Unit(name_below(root, folder), folder, fault=fault) for folder in gone]
        return units


def split_of(path: Path) -> str | None:
    """Return the split named in a path below the root, or None."""
    folders = (part for part in path.parts if not re.match("[0-9]+-", part))  # without the scene's own folder
    words = (word for folder in folders for word in re.split("[-_]", folder))
    return next((word for word in words if word in SPLITS), None)


def folder_of(root: Path, unit: Unit) -> Path:
    """Return the parent folder of a unit's path, relative to the root."""
    return Path(*unit.path.relative_to(root).parts[:-1])


def is_copy(root: Path, unit: Unit) -> bool:
    """Whether a scene lies in a split that repeats scenes of others."""
    return split_of(folder_of(root, unit)) in COPIES
