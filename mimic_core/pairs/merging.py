"""Putting the parts of several mined units together, in order: tables row by row, tars member by member."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mimic_core.frames.shard import VIEWS, none_readable
from mimic_core.kit.archive import TarWriter
from mimic_core.kit.files import atomic_path
from mimic_core.kit.tables import Row, RowWriter, read_rows
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.pairs.shard import ShardPaths
from mimic_core.pairs.tables import CANDIDATES, PAIRS
from mimic_core.pairs.tasks import UnitTask

COUNTED = ("seen", "kept", "rejected", "failed", "views", "features", "faces")  # statistics that are added up

Offsets = Mapping[str, int]  # where a member of the tar that is written begins
Part = tuple[Path, Path, Callable[[Row, Offsets], Row]]  # a tar, its table, and what moves a row to its new place


def merge_statistics(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum of the units' statistics.

    Raises:
        MimicError: not one unit could be read.
    """
    total: dict[str, Any] = {name: sum(one[name] for one in each) for name in COUNTED}
    total["verdicts"] = {verdict: sum(one["verdicts"][verdict] for one in each) for verdict in VERDICTS}
    total["unreadable"] = {name: reason for one in each for name, reason in one["unreadable"].items()}
    total["remarks"] = {name: texts for one in each for name, texts in one["remarks"].items()}
    total["still"] = [name for one in each for name in one["still"]]
    if not total["views"]:
        raise none_readable(total["unreadable"])
    return total


def merge_parts(tasks: Sequence[UnitTask], to: ShardPaths) -> None:
    """Put the units' parts together, in order."""
    with atomic_path(to.candidates) as temporary, RowWriter(temporary, CANDIDATES) as candidates:
        for task in tasks:
            candidates.extend(read_rows(task.paths.candidates))
    views = [(task.paths.frames_tar, task.paths.views, partial(move_view, key=task.unit.key)) for task in tasks]
    merge_stored(views, to.frames_tar, to.views, VIEWS)
    merge_stored([(task.paths.tar, task.paths.pairs, move_pair) for task in tasks], to.tar, to.pairs, PAIRS)


def merge_stored(parts: Sequence[Part], tar_path: Path, table_path: Path, schema: Any) -> None:
    """Put tars together, and their tables, whose rows say where in the tar their bytes lie."""
    with (
        atomic_path(tar_path) as tar_temporary,
        atomic_path(table_path) as table_temporary,
        TarWriter(tar_temporary) as tar,
        RowWriter(table_temporary, schema) as table,
    ):
        for part_tar, part_table, moved in parts:
            offsets = copy_members(part_tar, tar)
            table.extend(moved(row, offsets) for row in read_rows(part_table))


def move_view(row: Row, offsets: Offsets, key: str) -> Row:
    """A view's row at its new place; ``key`` is its unit's."""
    return {**row, "offset": offsets.get(f"{key}/{row['view']:06d}.jpg", -1)}


def move_pair(row: Row, offsets: Offsets) -> Row:
    """A pair's row at its new place."""
    return {**row, **{f"offset{number}": offsets[f"{row['key']}.{number}.jpg"] for number in "12"}}


def copy_members(path: Path, tar: TarWriter) -> dict[str, int]:
    """Append the members of a tar to another; returns their offsets by name."""
    with tarfile.open(path) as part:
        return {member.name: tar.add(member.name, data.read()) for member in part if (data := part.extractfile(member))}
