"""Pairs that look like test images: found exactly, counted, and left out on request."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.datasets.assembly import LeakSearch, assemble
from mimic_core.datasets.card import dataset_card
from mimic_core.datasets.leaks import leak_sentence, near
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.pairs.tables import PAIRS


def flipped(value: int, bits: set[int]) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


@given(st.data(), st.integers(0, 9))
def test_near_hashes_are_those_of_a_look_at_every_pair(data, bits):
    words = st.integers(0, 2**64 - 1)
    others = data.draw(st.lists(words, max_size=12))
    strangers = data.draw(st.lists(words, max_size=12))
    flips = st.sets(st.integers(0, 63), max_size=12)
    cousins = [flipped(value, data.draw(flips)) for value in others]
    hashes = np.array(strangers + cousins, np.uint64)
    expected = [any((int(one) ^ other).bit_count() <= bits for other in others) for one in hashes]
    assert near(hashes, np.array(others, np.uint64), bits).tolist() == expected


def test_near_hashes_in_small_blocks(monkeypatch):
    monkeypatch.setattr("mimic_core.datasets.leaks.AT_ONCE", 3)
    others = np.arange(20, dtype=np.uint64)
    assert near(np.array([5, 2**60], np.uint64), others, 2).tolist() == [True, True]
    assert near(np.array([5, 2**60 + 2**61 + 2**62], np.uint64), others, 2).tolist() == [True, False]


@pytest.fixture
def mined_pairs(tmp_path):
    """A shard of eight pairs, of which the views of the last three look like test images."""
    columns = {"key": [f"k{number}" for number in range(8)]}
    columns["hash1"] = [2**50 + 2**number for number in range(8)]
    columns["hash2"] = [2**40 + 2**number for number in range(5)] + [0, 1, 2**63]
    columns |= {"offset2": [0] * 8, "size2": [0] * 8}
    table = pa.table(
        {
            field.name: pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(8, field.type)
            for field in PAIRS
        }
    )
    path = tmp_path / "pairs" / "s" / "000.pairs.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    path.with_name("000.tar").write_bytes(b"")
    return path


TESTS = {"depth": np.array([0], np.uint64), "pose": np.array([2**63 - 1], np.uint64)}


@pytest.mark.parametrize(("leave_out", "pairs"), [(False, 8), (True, 5)])
def test_leaks_are_counted_and_left_out_on_request(tmp_path, mined_pairs, leave_out, pairs):
    manifest = tmp_path / "d" / "manifest.parquet"
    tests = LeakSearch(TESTS, bits=1, leave_out=leave_out)
    found = assemble(manifest, {"s": None}, {"s": [mined_pairs]}, 0, tests)
    assert found["pairs"] == pairs and found["sources"]["s"]["mined"] == 8
    assert found["leaks"] == {"bits": 1, "left_out": leave_out, "pairs": {"depth": 3, "pose": 0}}
    mining = {"s": {"seen": 0, "verdicts": dict.fromkeys(VERDICTS, 0), "unreadable": {}, "remarks": {}}}
    card = dataset_card("d", found, mining, "sample", {"min_overlap": 0.5, "max_overlap": 0.75})
    assert leak_sentence({"depth": 3, "pose": 0}, 1, leave_out) in card


def test_without_test_sets_nothing_is_said(tmp_path, mined_pairs):
    found = assemble(tmp_path / "d" / "manifest.parquet", {"s": 4}, {"s": [mined_pairs]}, 0)
    assert found["pairs"] == 4 and "leaks" not in found
