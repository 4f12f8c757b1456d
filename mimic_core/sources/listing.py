"""A source's units as a table, so that the source is listed once and not by every shard."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mimic_core.foreign import foreign
from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import track
from mimic_core.kit.tables import ROWS_PER_GROUP, Row, RowWriter, count_rows
from mimic_core.sources.base import Unit

LISTING = pa.schema(
    [
        ("unit", pa.string()),
        ("path", pa.binary()),  # below the root; file names may not be valid UTF-8
        ("images", pa.list_(pa.binary())),
        ("turn", pa.int8()),
        ("inside", pa.string()),
        ("fault", pa.string()),
        ("beside", pa.list_(pa.binary())),
    ]
)


def write_listing(units: Iterable[Unit], root: Path, path: Path) -> dict[str, Any]:
    """Write units to a table, one row each, in order, without holding them all in memory.

    Returns:
        Statistics: the numbers of ``units``, of ``files`` (images that the units list) and of ``faults``.
    """
    files = faults = 0
    with atomic_path(path) as temporary, RowWriter(temporary, LISTING) as table:
        for unit in track(units, "units"):
            table.add(row_of(unit, root))
            files += len(unit.images)
            faults += bool(unit.fault)
    return {"units": table.rows, "files": files, "faults": faults}


def row_of(unit: Unit, root: Path) -> Row:
    """Return a unit as a table row."""
    return {
        "unit": unit.name,
        "path": below(root, unit.path),
        "images": [below(root, image) for image in unit.images],
        "turn": unit.turn,
        "inside": unit.inside,
        "fault": unit.fault.encode("utf-8", "backslashreplace").decode(),
        "beside": [below(root, file) for file in unit.beside],
    }


def below(root: Path, path: Path) -> bytes:
    """Return a path below the root as the file system's bytes."""
    return os.fsencode(path.relative_to(root))


def count_units(path: Path) -> int:
    """Count the units in a table."""
    with foreign("the table of units cannot be read", path):
        return count_rows(path)


def read_listing(path: Path, root: Path, shard: int = 0, shards: int = 1) -> list[Unit]:
    """Read the units of one shard, every ``shards``-th row, in order.

    Raises:
        UnreadableError: the table cannot be read.
    """
    with foreign("the table of units cannot be read", path):
        return [unit_of(row, root) for row in rows_of_shard(path, shard, shards)]


def rows_of_shard(path: Path, shard: int, shards: int) -> Iterator[Row]:
    """Yield every ``shards``-th row of a table, starting with row ``shard``; other rows are not converted."""
    seen = 0
    with pq.ParquetFile(path, buffer_size=1 << 16, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, use_threads=False):
            mine = range((shard - seen) % shards, batch.num_rows, shards)
            seen += batch.num_rows
            if mine:
                yield from batch.take(pa.array(mine, pa.int64())).to_pylist()


def unit_of(row: Row, root: Path) -> Unit:
    """Return a table row as a unit."""

    def path_of(data: bytes) -> Path:
        return root / os.fsdecode(data)

    return Unit(
        row["unit"],
        path_of(row["path"]),
        tuple(map(path_of, row["images"])),
        row["turn"],
        row["inside"],
        row["fault"],
        tuple(map(path_of, row["beside"])),
    )
