"""Tables written and read a few thousand rows at a time."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mimic_core.kit.tables import ROWS_PER_GROUP, RowWriter, count_rows, read_groups, read_rows

SCHEMA = pa.schema([("unit", pa.string()), ("view", pa.int32())])


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_GROUP, 2 * ROWS_PER_GROUP + 1])
def test_rows_come_back_in_order_whatever_their_number(tmp_path, count):
    rows = [{"unit": f"u{number // 3}", "view": number} for number in range(count)]
    with RowWriter(tmp_path / "table.parquet", SCHEMA) as table:
        table.extend(rows)
    assert table.rows == count_rows(tmp_path / "table.parquet") == count
    assert list(read_rows(tmp_path / "table.parquet")) == rows
    assert [len(group) for _, group in read_groups(tmp_path / "table.parquet", "unit")][: count // 3] == [3] * (
        count // 3
    )


def test_no_more_rows_are_held_than_a_group(tmp_path):
    with RowWriter(tmp_path / "table.parquet", SCHEMA) as table:
        for number in range(3 * ROWS_PER_GROUP):
            table.add({"unit": "u", "view": number})
            assert len(table.held) < ROWS_PER_GROUP
    assert pq.ParquetFile(tmp_path / "table.parquet").num_row_groups == 3
