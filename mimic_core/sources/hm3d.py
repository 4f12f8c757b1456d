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
from mimic_core.sources.base import FolderSource, Unit, lacking, name_below

Split = Literal["train", "val", "minival", "example", "test"]
SPLITS = get_args(Split)
COPIES = ("minival", "example")  # hold scenes of train and val again
SCENE = re.compile(r"[0-9]{5}-[A-Za-z0-9]{11}")  # the name of a scene's folder, as it is shipped


Splits = Annotated[
    Sequence[Split], Len(1), Distinct, Field(description="splits that are read; the paper mines train and val")
]


class HM3D(FolderSource):
    """One scene a folder, at any depth; an uncompressed ``.glb`` is preferred where both lie there.

    A split is a folder above the scene: ``train`` in ``hm3d/train/...`` and in ``hm3d-train-habitat-v0.2/...``. Scenes
    of other splits than those asked for are not looked at; scenes below no split are. A scene of ``minival`` or
    ``example`` that is also found elsewhere is left out there.

    Args:
        splits: those that are read; the paper mines train and val.

    Raises:
        MimicError: there is no such split.
    """

    kind: ClassVar[str] = "scene"
    layout: ClassVar[str] = "folders <id>-<name> that hold <name>.glb or <name>.basis.glb"

    def __init__(self, splits: Splits = ("train", "val")) -> None:
        unknown = [split for split in splits if split not in SPLITS]
        if unknown or not splits:
            raise MimicError(
                f"HM3D has no split {unknown[0]!r}" if unknown else "no split of HM3D is asked for",
                where="config key sources.<name>.options.splits",
                remedy=f"some of: {', '.join(SPLITS)}",
            )
        self.splits = tuple(splits)

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> Iterator[Unit]:
        """The scene of a folder, where it holds its GLB; a scene's folder without it cannot be read."""
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
            yield lacking(root, folder, f"{name}.basis.glb")

    def find(self, root: Path) -> list[Unit]:
        """List the scenes, each copy of a scene left out, and splits that are asked for and missing beside others.

        Where a scene lies below no split, all that was wanted may.
        """
        units = super().find(root)
        there = {split_of(folder_of(root, unit)) for unit in units}
        scenes = {unit.path.parent.name for unit in units if not unit.fault and not is_copy(root, unit)}
        units = [unit for unit in units if unit.fault or not is_copy(root, unit) or unit.path.parent.name not in scenes]
        if there and None not in there:
            fault = "no scene of this split is here: fetch it, or leave it out of options.splits"
            gone = [root / split for split in self.splits if split not in there]
            units += [Unit(name_below(root, folder), folder, fault=fault) for folder in gone]
        return units


def split_of(path: Path) -> str | None:
    """The split that a folder below the root says; None where it says none."""
    folders = (part for part in path.parts if not re.match("[0-9]+-", part))  # a scene's own name says nothing
    words = (word for folder in folders for word in re.split("[-_]", folder))
    return next((word for word in words if word in SPLITS), None)


def folder_of(root: Path, unit: Unit) -> Path:
    """The folder below the root that a scene's file, or a scene's folder, lies in."""
    return Path(*unit.path.relative_to(root).parts[:-1])


def is_copy(root: Path, unit: Unit) -> bool:
    """Whether a scene lies in a folder of copies."""
    return split_of(folder_of(root, unit)) in COPIES
