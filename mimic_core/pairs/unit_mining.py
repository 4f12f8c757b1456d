"""Mine one unit and yield the results as messages for another process to write.

This lets a worker mine a unit before earlier units are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import numpy as np

from mimic_core.frames import OK, Reader, Reading, rows_or_fault
from mimic_core.kit.archive import TarWriter, read_at
from mimic_core.kit.errors import UnreadableError
from mimic_core.kit.tables import Row
from mimic_core.pairs.shard import prepare
from mimic_core.pairs.tasks import SOURCE, UnitTask
from mimic_core.pairs.unit_views import Found, UnitViews
from mimic_core.sources import Unit

HELD = 32 << 20  # bytes of a unit's views held in memory; more go to a temporary file


@dataclass(frozen=True)
class Started:
    """The first message of a unit; discards earlier messages of the unit, sent by a worker that was lost."""


@dataclass(frozen=True)
class StoredRow:
    """A row of the table of views and its JPEG, which is empty for rows without a view.

    The writer sets the row's ``offset``.
    """

    row: Row
    jpeg: bytes


@dataclass(frozen=True)
class Measured:
    """Sent after the last candidate of the unit's views.

    Attributes:
        features: number of feature computations.
    """

    features: int


@dataclass(frozen=True)
class Finished:
    """The last message of a unit."""


Message = Started | StoredRow | Found | Measured | Finished


def mine_unit(
    task: UnitTask, read: Reader | None = None, step: Callable[[], object] = lambda: None
) -> Iterator[Message]:
    """Mine one video or image folder.

    Args:
        read: reader of its views; by default the one for its kind.
        step: called after every view read.

    Yields:
        ``Started``; a ``StoredRow`` for each view and remark; a ``Found`` for each candidate, then ``Measured``; a
        ``StoredRow`` for each unreadable image of the unit; ``Finished``.
    """
    prepare()
    read = read or task.read()

    def counted(unit: Unit) -> Iterator[Reading]:
        for view in read(unit):
            step()
            yield view

    yield Started()
    with SpooledTemporaryFile(HELD, dir=str(task.folder.parent)) as spool:
        rows = rows_or_fault(task.unit, counted, TarWriter(task.folder.parent / "spool", stream=spool))
        for name, group in groupby(rows, itemgetter("unit")):
            yield from mine_rows(task, name, list(group), spool)
    yield Finished()


def mine_rows(task: UnitTask, name: str, rows: Sequence[Row], stream: IO[bytes]) -> Iterator[Message]:
    """Yield rows of the table of views, then the candidates of those rows that have a view."""
    for row in rows:
        yield StoredRow(row, read_at(stream, row["offset"], row["size"]) if row["status"] == OK else b"")
    if views := [{**row, "blur": float(np.float32(row["blur"]))} for row in rows if row["status"] == OK]:  # as stored
        unit = UnitViews(SOURCE, name, views, stream, task.settings.mining, task.settings.seed)
        yield from unit.found(task.rule)
        yield Measured(unit.detected)


def given_up(reason: str) -> Reader:
    """Return a reader that raises an error with the reason why a unit cannot be read."""

    def read(unit: Unit) -> Iterator[Any]:
        raise UnreadableError(f"it cannot be read: {reason}", where=unit.path, remedy="make it smaller, or remove it")
        yield

    return read
