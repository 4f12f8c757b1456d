"""Folders of images: anybody's own photos of a place, or the frames of a video as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from mimic_core.sources.base import Source, Unit, folders_below, name_below

SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".heic"])


class Images(Source):
    """Every folder below the root that holds images is one unit; its images stand in natural order of their names."""

    kind: ClassVar[str] = "group"
    layout: ClassVar[str] = "folders of images, such as church/front.jpg, at any depth"

    def find(self, root: Path) -> list[Unit]:
        """List the folders that hold images themselves."""
        found = []
        for folder, files in folders_below(root):
            images = [path for path in files if path.suffix.lower() in SUFFIXES]
            if images:
                name = name_below(root, folder)
                found.append(Unit(folder.name if name == "." else name, folder, tuple(sorted(images, key=natural))))
        return found


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key that counts as a person does: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts], path.name
