"""Columns of the two tables of a mining shard, and writing them row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mimic_core.pairs.settings import PATCHES

MATRIX = pa.list_(pa.float64(), 9)
PATCH_LIST = pa.list_(pa.int16(), PATCHES)

CANDIDATES = pa.schema(
    [
        ("unit", pa.string()),
        ("view1", pa.int32()),
        ("view2", pa.int32()),
        ("matches", pa.int32()),
        ("inliers", pa.int32()),
        ("overlap_12", pa.float32()),
        ("overlap_21", pa.float32()),
        ("overlap", pa.float32()),
        ("homography", MATRIX),
        ("verdict", pa.string()),
    ]
)

PAIRS = pa.schema(
    [
        ("key", pa.string()),
        ("source", pa.string()),
        ("unit", pa.string()),
        ("view1", pa.int32()),
        ("view2", pa.int32()),
        ("overlap", pa.float32()),
        ("matches", pa.int32()),
        ("inliers", pa.int32()),
        ("homography", MATRIX),
        ("correspondences", PATCH_LIST),
        ("hash1", pa.uint64()),
        ("hash2", pa.uint64()),
        ("shard", pa.string()),
        ("offset1", pa.int64()),
        ("size1", pa.int32()),
        ("offset2", pa.int64()),
        ("size2", pa.int32()),
    ]
)

ROWS_PER_GROUP = 20_000  # rows held in memory before they are written


class RowWriter:
    """Writes rows to Parquet in groups, so that memory does not grow with the shard."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.writer = pq.ParquetWriter(path, schema)
        self.schema, self.rows = schema, 0
        self.held: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Add one row."""
        self.held.append(row)
        self.rows += 1
        if len(self.held) >= ROWS_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows held."""
        self.writer.write_table(pa.Table.from_pylist(self.held, self.schema))
        self.held.clear()

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.held or not self.rows:
            self.flush()
        self.writer.close()
