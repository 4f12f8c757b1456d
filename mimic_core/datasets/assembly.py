"""Assembling a dataset: which mined pairs are in it. No pixel is copied; a row says where its bytes lie."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mimic_core.datasets.statistics import mining_statistics
from mimic_core.errors import MimicError, printable
from mimic_core.files import atomic_path
from mimic_core.seeding import seed_for
from mimic_core.verify import read_receipt


def assemble(
    manifest: Path, wanted: Mapping[str, int | None], tables: Mapping[str, Sequence[Path]], seed: int
) -> dict[str, Any]:
    """Choose the pairs of a dataset and write its manifest.

    The pairs of a source stand in a fixed random order that depends on the seed and their keys alone, and the first
    ones are taken: a dataset that wants more contains one that wants fewer, however the source was sharded.

    Args:
        manifest: Parquet file to write: the rows of the shards' tables, ``shard`` relative to its folder.
        wanted: source -> number of pairs; None for all.
        tables: source -> the ``.pairs.parquet`` of its shards; each lies beside its tar.

    Returns:
        Statistics: ``pairs``, and for each source ``wanted``, ``mined`` and ``taken``.

    Raises:
        MimicError: not one pair was mined.
    """
    chosen: list[pa.Table] = []
    sources: dict[str, dict[str, int | None]] = {}
    for source, count in wanted.items():
        table = pa.concat_tables([located(path, manifest.parent) for path in tables[source]])
        taken = sorted(table["key"].to_pylist(), key=lambda key: seed_for(seed, "order", key))[:count]
        is_taken = pc.is_in(table["key"], pa.array(taken, pa.string()))
        chosen.append(table.filter(is_taken).sort_by("key"))
        sources[source] = {"wanted": count, "mined": len(table), "taken": len(taken)}
    result = pa.concat_tables(chosen)
    if not len(result):
        raise MimicError(
            "not one pair was mined, so there is nothing to assemble",
            where=", ".join(sources),
            remedy="look at the verdicts in the receipts of the pairs stage; a longer or shorter interval may help",
        )
    with atomic_path(manifest) as temporary:
        pq.write_table(result, temporary)
    return {"pairs": len(result), "sources": sources}


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
