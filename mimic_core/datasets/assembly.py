"""Assembling a dataset: which mined pairs are in it. No pixel is copied; a row says where its bytes lie."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mimic_core.datasets.leaks import Hashes, leaks, told
from mimic_core.datasets.statistics import mining_statistics, shortfall
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import atomic_path
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.seeding import seed_for

log = logging.getLogger("mimic")


@dataclass(frozen=True)
class LeakSearch:
    """Test sets whose images no pair should show.

    Attributes:
        hashes: name of a task -> hashes of its test images.
        bits: a view looks like a test image where their hashes differ in at most so many bits.
        leave_out: whether pairs with such a view are left out; else they are counted.
    """

    hashes: Mapping[str, Hashes] = field(default_factory=dict)
    bits: int = 4
    leave_out: bool = False


def assemble(
    manifest: Path,
    wanted: Mapping[str, int | None],
    tables: Mapping[str, Sequence[Path]],
    seed: int,
    tests: LeakSearch = LeakSearch(),
) -> dict[str, Any]:
    """Choose the pairs of a dataset and write its manifest.

    The pairs of a source stand in a fixed random order that depends on the seed and their keys alone, and the first
    ones are taken: a dataset that wants more contains one that wants fewer, however the source was sharded.

    Args:
        manifest: Parquet file to write: the rows of the shards' tables, ``shard`` relative to its folder.
        wanted: source -> number of pairs; None for all.
        tables: source -> the ``.pairs.parquet`` of its shards; each lies beside its tar.
        tests: whose images are looked for.

    Returns:
        Statistics: ``pairs``, ``wanted`` (in all; of a source of which all are, as many as there are), for each source
        ``wanted``, ``mined`` and ``taken``, and where test images were looked for ``leaks``: how many pairs look like
        one of each task, of those in the dataset, or of those mined where they are left out.

    Raises:
        MimicError: not one pair was mined.
    """
    chosen: list[pa.Table] = []
    sources: dict[str, dict[str, int | None]] = {}
    leaked: Counter[str] = Counter(dict.fromkeys(tests.hashes, 0))
    for source, count in wanted.items():
        table = pa.concat_tables([located(path, manifest.parent) for path in tables[source]])
        mined_here = len(table)
        if tests.leave_out:
            table = table.filter(pa.array(~looking_like(table, tests, leaked)))
        taken = sorted(table["key"].to_pylist(), key=lambda key: seed_for(seed, "order", key))[:count]
        is_taken = pc.is_in(table["key"], pa.array(taken, pa.string()))
        chosen.append(table.filter(is_taken).sort_by("key"))
        if not tests.leave_out:
            looking_like(chosen[-1], tests, leaked)
        sources[source] = {"wanted": count, "mined": mined_here, "taken": len(taken)}
    result = pa.concat_tables(chosen)
    if not len(result):
        raise MimicError(
            "not one pair was mined, so there is nothing to assemble",
            where=", ".join(sources),
            remedy="look at the verdicts in the receipts of the pairs stage; a longer or shorter interval may help",
        )
    with atomic_path(manifest) as temporary:
        pq.write_table(result, temporary)
    asked = sum(len(part) if count is None else count for part, count in zip(chosen, wanted.values(), strict=True))
    if short := shortfall(asked, len(result)):
        fewer = [source for source, count in wanted.items() if count is not None and sources[source]["taken"] != count]
        log.warning("%d of %d pairs: %s; too few of %s", len(result), asked, short, ", ".join(fewer))
    found = {"pairs": len(result), "wanted": asked, "sources": sources}
    if tests.hashes:
        found["leaks"] = {"bits": tests.bits, "left_out": tests.leave_out, "pairs": dict(leaked)}
        log.info(told(leaked, tests.bits, tests.leave_out))
    return found


def looking_like(table: pa.Table, tests: LeakSearch, counts: Counter[str]) -> NDArray[np.bool_]:
    """Which pairs have a view that looks like a test image; they are added to the counts of each task."""
    hashes = [np.asarray(table[name].to_numpy(), np.uint64) for name in ("hash1", "hash2")]
    each, together = leaks(hashes, tests.hashes, tests.bits)
    counts.update(each)
    return together


def located(path: Path, folder: Path) -> pa.Table:
    """Table of a shard's pairs with ``shard`` as the tar's path relative to ``folder``.

    Raises:
        MimicError: the tar is not there, or ends before the last of its pairs.
    """
    table = pq.read_table(path)
    tar = path.with_name(path.name.removesuffix(".pairs.parquet") + ".tar")
    size = tar.stat().st_size if tar.is_file() else 0
    needed = pc.max(pc.add(table["offset2"], table["size2"])).as_py() or 0
    if size < needed:
        raise cut_off(tar, size, needed)
    relative = Path(os.path.relpath(tar, folder)).as_posix()
    column = table.schema.get_field_index("shard")
    return table.set_column(column, "shard", pa.array([relative] * len(table), pa.string()))


def cut_off(tar: Path, size: int, needed: int) -> MimicError:
    """The error of a shard of pairs that is shorter than its table says."""
    receipt = tar.with_suffix(".receipt.json")
    return MimicError(
        f"the shard has {size:,} bytes, and its pairs reach to byte {needed:,}: it was cut off after it was written",
        where=tar,
        remedy=f"delete it and its receipt and run the stage pairs again, which makes them anew: rm {tar} {receipt}",
    )


def mined(receipts: Mapping[str, Sequence[Path]]) -> dict[str, dict[str, Any]]:
    """Sum the mining statistics of each source over its shards.

    Raises:
        MimicError: a receipt that is not as it was written, or a source of which not one unit could be read.
    """
    totals: dict[str, dict[str, Any]] = {}
    for source, paths in receipts.items():
        statistics = [mining_statistics(read_receipt(path), "statistics") for path in paths]
        unreadable = {unit: reason for one in statistics for unit, reason in one["unreadable"].items()}
        totals[source] = {
            "seen": sum(one["seen"] for one in statistics),
            "views": sum(one["views"] for one in statistics),
            "verdicts": {
                verdict: sum(one["verdicts"].get(verdict, 0) for one in statistics)
                for verdict in dict.fromkeys(verdict for one in statistics for verdict in one["verdicts"])
            },
            "unreadable": unreadable,
            "remarks": {unit: texts for one in statistics for unit, texts in one["remarks"].items()},
        }
        if unreadable and not totals[source]["views"]:
            raise MimicError(
                f"not one unit of the source {source!r} could be read:\n  "
                + "\n  ".join(printable(f"{unit}: {reason}") for unit, reason in unreadable.items()),
                where=f"config key sources.{source}.root",
                remedy="replace or remove the files named above",
            )
    return totals
