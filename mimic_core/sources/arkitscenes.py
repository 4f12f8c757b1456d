"""ARKitScenes: ``<video_id>/<video_id>.mov``, and ``metadata.csv`` with the sky direction of each video."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError
from mimic_core.sources.base import FolderSource, Unit, incomplete_unit, name_below

TURNS = {"Up": 0, "NA": 0, "Left": 1, "Down": 2, "Right": 3}  # sky direction -> clockwise quarter turns
METADATA = ("metadata.csv", "raw/metadata.csv")
VIDEO = re.compile(r"[0-9]{8}")  # folder name of a video in the official release
COLUMNS = ("video_id", "sky_direction")


class ARKitScenes(FolderSource):
    """One video per folder, at any depth. Frames are turned so that the sky is up.

    ``metadata.csv`` lies in the root or in its folder ``raw``. A video is unreadable if it has no row there, or a
    direction other than Up, Left, Right, Down and NA (treated as Up).
    """

    kind: ClassVar[str] = "video"
    layout: ClassVar[str] = "folders <video_id> that hold <video_id>.mov, and metadata.csv"

    def units_in(self, root: Path, folder: Path, folders: list[Path], files: list[Path]) -> list[Unit]:
        """Return the video in a folder."""
        path = next((path for path in files if path.stem == folder.name and path.suffix.lower() == ".mov"), None)
        if folder == root:
            return []
        if path is None:
            if not (VIDEO.fullmatch(folder.name) and (files or folders)):
                return []
            folders.clear()
            return [incomplete_unit(root, folder, f"{folder.name}.mov")]
        folders.clear()  # skip thousands of frames and depth maps
        return [Unit(name_below(root, folder), path)]

    def find(self, root: Path) -> list[Unit]:
        """List the videos with their turns.

        Raises:
            MimicError: there are videos, but ``metadata.csv`` is missing or cannot be read.
        """
        units = super().find(root)
        if not units:
            return []
        table = next((root / name for name in METADATA if os.path.lexists(root / name)), None)
        if table is None:
            raise MimicError(
                "metadata.csv is missing: it tells which way is up in the videos",
                where=root / METADATA[0],
                remedy="put ARKitScenes' raw/metadata.csv there",
            )
        directions = sky_directions(table)
        return [unit if unit.fault else turned(unit, table, directions) for unit in units]


def sky_directions(table: Path) -> dict[str, str]:
    """Read the sky direction of each video id; rows that disagree give ``Up and Left``.

    Raises:
        MimicError: the table lacks a column or is not valid CSV.
    """
    found: dict[str, str] = {}
    with foreign("the table is not valid CSV", table, "fetch it again"):
        text = read_regular(table, "a table", TEXT_BYTES).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            what = f"the table lacks the columns {', '.join(missing)}"
            raise MimicError(what, where=table, remedy="fetch it again")
        for row in rows:
            video, direction = ((row[column] or "").strip() for column in COLUMNS)
            before = found.setdefault(video, direction)
            if direction != before:
                found[video] = f"{before} and {direction}"
    return found


def turned(unit: Unit, table: Path, directions: Mapping[str, str]) -> Unit:
    """Return the unit with its quarter turns, or with a fault if they are unknown."""
    video = unit.path.stem
    if video not in directions:
        return replace(unit, fault=f"metadata.csv has no row for the video {video!r}")
    if directions[video] not in TURNS:
        known = ", ".join(TURNS)
        return replace(unit, fault=f"metadata.csv has the sky_direction {directions[video]!r}, not one of {known}")
    return replace(unit, turn=TURNS[directions[video]], beside=(table,))
