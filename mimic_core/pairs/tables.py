"""Columns of the two tables of a mining shard."""

from __future__ import annotations

import pyarrow as pa

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
