"""Mining one unit without writing a result: what is found is told message by message to whoever writes it.

So a worker can mine a unit while the units before it are not yet written.
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

HELD = 32 << 20  # bytes of a unit's views that are held in memory; more are held in a temporary file


@dataclass(frozen=True)
class Started:
    """The first message of a unit; what a worker that was lost had told of the unit does not count."""


@dataclass(frozen=True)
class StoredRow:
    """A row of the table of views and its JPEG, which is empty where the row is of no view.

    The row's ``offset`` is left to the writer.
    """

    row: Row
    jpeg: bytes


@dataclass(frozen=True)
class Measured:
    """All candidates of the unit's views were told.

    Attributes:
        features: views whose features were computed.
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
        read: its reader; by default that of its kind.
        step: called for every view read.

    Yields:
        ``Started``; the rows of the unit's views; each candidate that was ``Found`` in them, and ``Measured``; rows of
        images of the unit that could not be read; ``Finished``.
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
    """Tell rows of the table of views, and what is found in those of them that have a view."""
    for row in rows:
        yield StoredRow(row, read_at(stream, row["offset"], row["size"]) if row["status"] == OK else b"")
    if views := [{**row, "blur": float(np.float32(row["blur"]))} for row in rows if row["status"] == OK]:  # as stored
        unit = UnitViews(SOURCE, name, views, stream, task.settings.mining, task.settings.seed)
        yield from unit.found(task.rule)
        yield Measured(unit.detected)


def given_up(reason: str) -> Reader:
    """A reader that says why a unit cannot be read."""

    def read(unit: Unit) -> Iterator[Any]:
        raise UnreadableError(f"it cannot be read: {reason}", where=unit.path, remedy="make it smaller, or remove it")
        yield

    return read
