"""Find pairs that look like an image of a test set, by their perceptual hashes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mimic_core.foreign import foreign

BITS = 64
AT_ONCE = 1 << 22  # comparisons held in memory at a time

Hashes = NDArray[np.uint64]


def near(hashes: Hashes, others: Hashes, bits: int) -> NDArray[np.bool_]:
    """Return which hashes differ from any of the others in at most ``bits`` bits.

    If the 64 bits are split into ``bits + 1`` parts, two such hashes agree in at least one part, so only hashes with a
    common part are compared (Manku, Jain and Sarma 2007).

    Args:
        hashes: (N,) uint64.
        others: (M,) uint64.
        bits: 0 to 63.
    """
    found = np.zeros(len(hashes), bool)
    edges = np.linspace(0, BITS, bits + 2).round().astype(int)
    for low, high in itertools.pairwise(edges):
        mask = np.uint64(((1 << int(high - low)) - 1) << int(low))
        order = np.argsort(others & mask, kind="stable")
        parts = (others & mask)[order]
        rows = np.flatnonzero(~found)
        wanted = hashes[rows] & mask
        first, last = np.searchsorted(parts, wanted, "left"), np.searchsorted(parts, wanted, "right")
        for some in blocks(last - first):
            counts = (last - first)[some]
            mine = np.repeat(rows[some], counts)
            ahead = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            theirs = order[np.repeat(first[some], counts) + ahead]
            found[mine[np.bitwise_count(hashes[mine] ^ others[theirs]) <= bits]] = True
    return found


def blocks(counts: NDArray[np.int64]) -> list[slice]:
    """Split rows into slices whose counts sum to at most :data:`AT_ONCE`, or of a single row."""
    ends, start, total = [], 0, np.cumsum(counts)
    while start < len(counts):
        before = int(total[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + AT_ONCE, "right")))
        ends.append(slice(start, end))
        start = end
    return ends


def read_hashes(path: Path) -> Hashes:
    """Read the hashes of a test set, written by :func:`mimic_core.finetune.test_hashes.write_hashes`."""
    with foreign("a table of hashes that cannot be read", path):
        return np.asarray(pq.read_table(path, columns=["hash"])["hash"].to_numpy(), np.uint64)


def leaks(hashes: Sequence[Hashes], tests: Mapping[str, Hashes], bits: int) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """Count the pairs with a view near an image of each test set, and return which have one near any.

    Args:
        hashes: those of the first views and those of the second, each (N,).
        tests: name of a task -> hashes of its test images.
        bits: largest number of bits in which two hashes may differ.
    """
    counts: dict[str, int] = {}
    together = np.zeros(len(hashes[0]), bool)
    for task, others in tests.items():
        one = np.logical_or.reduce([near(views, others, bits) for views in hashes])
        counts[task], together = int(one.sum()), together | one
    return counts, together


def leak_sentence(counts: Mapping[str, Any], bits: int, left_out: bool) -> str:
    """Describe the leaks for a dataset's card and log."""
    each = ", ".join(f"{count:,} of {task}" for task, count in counts.items())
    done = "and are left out" if left_out else "and are in this dataset"
    return (
        f"Pairs with a view that looks like a test image (hashes differ in at most {bits} of 64 bits) {done}: {each}."
    )
