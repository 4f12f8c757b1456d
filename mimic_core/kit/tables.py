"""Write and read Parquet tables a few thousand rows at a time, so that memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

ROWS_PER_GROUP = 4096  # rows held in memory while writing or reading


class RowWriter:
    """Writes a table in row groups; the same rows give the same bytes.

    Args:
        path: the file to write; the caller makes the write atomic.
        schema: names and types of the columns.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.writer = pq.ParquetWriter(path, schema)
        self.schema, self.rows = schema, 0
        self.held: list[Row] = []

    def add(self, row: Row) -> None:
        """Add one row."""
        self.held.append(row)
        self.rows += 1
        if len(self.held) >= ROWS_PER_GROUP:
            self.flush()

    def extend(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        for row in rows:
            self.add(row)

    def flush(self) -> None:
        """Write the buffered rows."""
        self.writer.write_table(pa.Table.from_pylist(self.held, self.schema))
        self.held.clear()

    def close(self) -> None:
        """Write the remaining rows and the footer; an empty table still gets its columns."""
        if self.held or not self.rows:
            self.flush()
        self.writer.close()

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def count_rows(path: Path) -> int:
    """Return the number of rows of a table."""
    return int(pq.read_metadata(path).num_rows)


def read_rows(path: Path, columns: list[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a table in order."""
    # a buffered stream reads column chunks piecewise rather than a whole row group at once
    with pq.ParquetFile(path, buffer_size=1 << 16, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, columns=columns, use_threads=False):
            yield from batch.to_pylist()


def read_groups(path: Path, column: str) -> Iterator[tuple[Any, list[Row]]]:
    """Yield (value, rows) for each run of consecutive rows with the same value of ``column``."""
    for value, rows in groupby(read_rows(path), key=itemgetter(column)):
        yield value, list(rows)
