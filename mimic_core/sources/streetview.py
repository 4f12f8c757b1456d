"""3DStreetView: photos whose file names say which point they show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from mimic_core.errors import MimicError
from mimic_core.sources.base import IMAGES, Source, Unit, as_text, folders_below, name_below

TARGET = r"([0-9]+)_"  # the digits before the first underscore


class StreetView(Source):
    """Images of the same target are one group, whichever folders below the root they lie in.

    A file's name without its suffix is ``<target id>_<anything>``. A name without a target id, and a group of one
    image, is a unit that cannot be read.

    Args:
        target_pattern: regular expression for the beginning of a name; its first group is the target id.

    Raises:
        MimicError: the pattern is no regular expression with a group.
    """

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "images <target id>_<anything>.jpg at any depth"

    def __init__(self, target_pattern: str = TARGET) -> None:
        try:
            self.target = re.compile(target_pattern)
        except re.error as error:
            raise MimicError(
                f"{target_pattern!r} is no regular expression ({error})", where="target_pattern"
            ) from error
        if not self.target.groups:
            raise MimicError(f"{target_pattern!r} has no group", where="target_pattern", remedy=f"such as {TARGET}")

    def find(self, root: Path) -> list[Unit]:
        """List the targets, and what belongs to none; of the latter, ``./12`` is named apart from the target ``12``."""
        found: list[Unit] = []
        groups: dict[str, list[Path]] = {}
        for folder, _, files in folders_below(root):
            if files == [folder]:
                found.append(Unit(name_below(root, folder), folder, fault="a folder that cannot be listed"))
            for path in files:
                if path == folder or path.suffix.lower() not in IMAGES:
                    continue
                if (target := self.target.match(path.stem)) and target[1]:
                    groups.setdefault(target[1], []).append(path)
                else:
                    fault = "a file name without a target id, which should be <target id>_<anything>"
                    found.append(Unit(name_below(root, path), path, fault=fault))
        taken = {as_text(target_id) for target_id in groups}
        found = [replace(unit, name=f"./{unit.name}") if unit.name in taken else unit for unit in found]
        for target_id, images in groups.items():
            fault = "" if len(images) > 1 else "one image of the two that a pair needs"
            found.append(Unit(as_text(target_id), root if not fault else images[0], tuple(sorted(images)), fault=fault))
        return found
