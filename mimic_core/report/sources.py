"""The table of sources: what each contributed, why other candidates were rejected, and the paper's counts.

``python -m mimic_core.report.sources`` prints the registry as the table of docs/sources.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimic_core.kit.escaping import Markup, csv_cell, markdown_table
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.pairs import KEPT, VERDICTS
from mimic_core.sources import ACCESS, PAPER_DATASETS, Entry, read_registry

REASONS = tuple(verdict for verdict in VERDICTS if verdict != KEPT)


def frames_statistics(path: Path) -> dict[str, int]:
    """Read the number of units, and of unreadable units, from the receipt of a frames shard.

    Raises:
        MimicError: the receipt cannot be read or lacks one of them.
    """
    receipt = read_receipt(path)
    return {name: receipt.count("statistics", name) for name in ("units", "units_unreadable")}


def source_rows(
    frames: Mapping[str, Sequence[Mapping[str, Any]]],
    datasets: Sequence[Mapping[str, Any]],
    registry: Mapping[str, Entry],
) -> list[dict[str, Any]]:
    """Return one row per source, in the registry's order.

    Args:
        frames: source -> statistics of the receipts of its frames shards.
        datasets: statistics of the datasets' receipts.

    Returns:
        Rows with all and unreadable units, views, candidates, counts by verdict, and for each dataset the pairs taken,
        with the paper's count if it is one of the paper's datasets.
    """
    rows = []
    order = {name: number for number, name in enumerate(registry)}
    for source in sorted(frames, key=lambda name: (order.get(name, len(order)), name)):
        entry = registry.get(source)
        mining = next(one["mining"][source] for one in datasets if source in one["mining"])
        row: dict[str, Any] = {
            "source": entry.dataset if entry else source,
            "kind": entry.kind if entry else "",
            "units": sum(one["units"] for one in frames[source]),
            "units_unreadable": sum(one["units_unreadable"] for one in frames[source]),
            "views": mining["views"],
            "candidates": mining["seen"],
            **{verdict: mining["verdicts"][verdict] for verdict in VERDICTS},
        }
        for one in datasets:
            row[f"in_{one['dataset']}"] = one["sources"].get(source, {"taken": 0})["taken"]
            if one["dataset"] in PAPER_DATASETS:
                row[f"paper_{one['dataset']}"] = entry.pairs_in(one["dataset"]) if entry else 0
        rows.append(row)
    return rows


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format the rows as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()


def to_markdown(rows: Sequence[Mapping[str, Any]], datasets: Sequence[str], scale: str) -> str:
    """Format the rows as a Markdown page: what was kept and taken, then why other candidates were rejected."""
    words = {"in": "in", "paper": "paper's"}
    taken = {f"{word}_{name}": f"{words[word]} {name}" for name in datasets for word in words}
    taken = {column: title for column, title in taken.items() if column in rows[0]}
    titles = ["source", "units", "views", "candidates", "kept", *taken.values()]
    counted = ("views", "candidates", KEPT, *taken)
    rejected = [[row["source"], *(f"{row[reason]:,}" for reason in REASONS)] for row in rows]
    lines = [
        f"# Sources ({scale} scale)",
        "",
        *markdown_table(
            titles,
            titles[1:],
            [[row["source"], units_of(row), *(f"{row[column]:,}" for column in counted)] for row in rows],
        ),
        "## Why the other candidates were not kept",
        "",
        *markdown_table(["source", *REASONS], REASONS, rejected),
    ]
    return "\n".join(lines)


def units_of(row: Mapping[str, Any]) -> str:
    """Format the number of units of a source, and of unreadable ones if there are any."""
    return f"{row['units']:,}" + (f" ({row['units_unreadable']} unreadable)" if row["units_unreadable"] else "")


def registry_table(entries: Sequence[Entry]) -> str:
    """Format the registry as a Markdown table."""
    titles = ["source", "kind", "candidates", "licence", "access", "pairs in 1M, 3M"]
    rows = []
    for entry in entries:
        access = f"{ACCESS[entry.access]}, {entry.ask_at}" if entry.ask_at else ACCESS[entry.access]
        pairs = f"{entry.pairs_1m:,}, {entry.pairs_3m:,}" if entry.in_paper else ""
        name = f"{entry.dataset} (`{entry.name}`)"
        rows.append(list(map(Markup, (name, entry.kind, f"`{entry.rule}`", entry.licence, access, pairs))))
    return "\n".join(markdown_table(titles, titles[-1:], rows)).rstrip()


if __name__ == "__main__":
    print(registry_table(list(read_registry().values())))
