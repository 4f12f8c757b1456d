"""The units of a source as a table, so that it is listed once and not by every shard."""

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
        ("path", pa.binary()),  # below the root; a name may be no UTF-8
        ("images", pa.list_(pa.binary())),
        ("turn", pa.int8()),
        ("inside", pa.string()),
        ("fault", pa.string()),
        ("beside", pa.list_(pa.binary())),
    ]
)


def write_listing(units: Iterable[Unit], root: Path, path: Path) -> dict[str, Any]:
    """Write units to a table, a row each, in their order; memory does not grow with their number.

    Returns:
        Statistics: ``units``, ``files`` that they are read from where these are listed, and ``faults``.
    """
    files = faults = 0
    with atomic_path(path) as temporary, RowWriter(temporary, LISTING) as table:
        for unit in track(units, "units"):
            table.add(row_of(unit, root))
            files += len(unit.images)
            faults += bool(unit.fault)
    return {"units": table.rows, "files": files, "faults": faults}


def row_of(unit: Unit, root: Path) -> Row:
    """A unit as a row."""
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
    """A path below the root, as the file system has it."""
    return os.fsencode(path.relative_to(root))


def count_units(path: Path) -> int:
    """How many units a table has."""
    with foreign("a table of units that cannot be read", path):
        return count_rows(path)


def read_listing(path: Path, root: Path, shard: int = 0, shards: int = 1) -> list[Unit]:
    """The units of one shard, every ``shards``-th row, in order.

    Raises:
        UnreadableError: the table cannot be read.
    """
    with foreign("a table of units that cannot be read", path):
        return [unit_of(row, root) for row in rows_of_shard(path, shard, shards)]


def rows_of_shard(path: Path, shard: int, shards: int) -> Iterator[Row]:
    """Every ``shards``-th row of a table from that number on; the others are not taken apart."""
    seen = 0
    with pq.ParquetFile(path, buffer_size=1 << 16, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, use_threads=False):
            mine = range((shard - seen) % shards, batch.num_rows, shards)
            seen += batch.num_rows
            if mine:
                yield from batch.take(pa.array(mine, pa.int64())).to_pylist()


def unit_of(row: Row, root: Path) -> Unit:
    """A row as a unit."""

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
