"""Assemble a dataset by choosing mined pairs. No image is copied; each row of the manifest says where its bytes are."""

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

from mimic_core.datasets.leaks import Hashes, leak_sentence, leaks
from mimic_core.datasets.statistics import mining_statistics, shortfall
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import atomic_path
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.seeding import seed_for

log = logging.getLogger("mimic")


@dataclass(frozen=True)
class LeakSearch:
    """Test sets whose images should not appear in pairs.

    Attributes:
        hashes: name of a task -> hashes of its test images.
        bits: a view looks like a test image if their hashes differ in at most this many bits.
        leave_out: leave out pairs with such a view; otherwise only count them.
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

    The pairs of a source are put in a random order that depends only on the seed and their keys, and the first ones are
    taken. So a larger dataset contains a smaller one, however the source was sharded.

    Args:
        manifest: Parquet file to write: the rows of the shards' tables, ``shard`` relative to its folder.
        wanted: source -> number of pairs; None for all.
        tables: source -> the ``.pairs.parquet`` of its shards, each beside its tar.
        seed: of the random order.
        tests: test sets whose images are searched for.

    Returns:
        Statistics: ``pairs``; ``wanted`` in total (a source with None counts as many as it has); for each source
        ``wanted``, ``mined`` and ``taken``; and, if test sets are given, ``leaks``: for each task, how many pairs look
        like a test image, among the pairs of the dataset, or among the mined ones if such pairs are left out.

    Raises:
        MimicError: no pairs were mined.
    """
    chosen: list[pa.Table] = []
    sources: dict[str, dict[str, int | None]] = {}
    leaked: Counter[str] = Counter(dict.fromkeys(tests.hashes, 0))
    for source, count in wanted.items():
        table = pa.concat_tables([located(path, manifest.parent) for path in tables[source]])
        mined_here = len(table)
        if tests.leave_out:
            table = table.filter(pa.array(~find_leaks(table, tests, leaked)))
        taken = sorted(table["key"].to_pylist(), key=lambda key: seed_for(seed, "order", key))[:count]
        is_taken = pc.is_in(table["key"], pa.array(taken, pa.string()))
        chosen.append(table.filter(is_taken).sort_by("key"))
        if not tests.leave_out:
            find_leaks(chosen[-1], tests, leaked)
        sources[source] = {"wanted": count, "mined": mined_here, "taken": len(taken)}
    result = pa.concat_tables(chosen)
    if not len(result):
        raise MimicError(
            "no pairs were mined, so there is nothing to assemble",
            where=", ".join(sources),
            remedy="check the verdicts in the receipts of the pairs stage; a longer or shorter interval may help",
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
        log.info(leak_sentence(leaked, tests.bits, tests.leave_out))
    return found


def find_leaks(table: pa.Table, tests: LeakSearch, counts: Counter[str]) -> NDArray[np.bool_]:
    """Return which pairs have a view that looks like a test image, and add them to the counts of each task."""
    hashes = [np.asarray(table[name].to_numpy(), np.uint64) for name in ("hash1", "hash2")]
    each, together = leaks(hashes, tests.hashes, tests.bits)
    counts.update(each)
    return together


def located(path: Path, folder: Path) -> pa.Table:
    """Read the table of a shard's pairs, with ``shard`` set to the tar's path relative to ``folder``.

    Raises:
        MimicError: the tar is missing, or ends before the last of its pairs.
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
    """Return the error for a shard of pairs that is shorter than its table says."""
    receipt = tar.with_suffix(".receipt.json")
    return MimicError(
        f"the shard has {size:,} bytes, but its pairs reach to byte {needed:,}: it was cut off after it was written",
        where=tar,
        remedy=f"delete it and its receipt and run the stage pairs again, which recreates them: rm {tar} {receipt}",
    )


def mined(receipts: Mapping[str, Sequence[Path]]) -> dict[str, dict[str, Any]]:
    """Sum the mining statistics of each source over its shards.

    Raises:
        MimicError: a receipt was changed after it was written, or no unit of a source could be read.
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
                f"no unit of the source {source!r} could be read:\n  "
                + "\n  ".join(printable(f"{unit}: {reason}") for unit, reason in unreadable.items()),
                where=f"config key sources.{source}.root",
                remedy="replace or remove the files named above",
            )
    return totals
