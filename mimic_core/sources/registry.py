"""The source registry ``rules/sources.tsv``: one row per source, with facts from its owner and the paper."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError

PAPER_DATASETS = ("mimic-1m", "mimic-3m")
REGISTRY = Path(__file__).resolve().parents[2] / "rules" / "sources.tsv"
ACCESS = {
    "open": "to download",
    "form": "after a form is signed",
    "lists": "lists of videos to download and cut; many are gone",
    "old": "links from 2016, not checked",
    "gone": "no longer offered",
    "own": "your own",
}


@dataclass(frozen=True)
class Entry:
    """A row of the registry.

    Attributes:
        name: the source's name in the config and in folder names.
        dataset: the owner's name for it.
        kind: ``video``, ``sequence``, ``group`` or ``scene``.
        adapter: the file in ``mimic_core/sources`` that reads it.
        licence: the terms that apply.
        access: how to get it, a key of :data:`ACCESS`.
        ask_at: where to get it, without https://.
        raw_gb: size of the raw data in GB, according to its owner; None if unknown.
        units: number of videos, sequences, groups or scenes, according to its owner; None if unknown.
        pairs_1m, pairs_3m: the paper's pair counts in MIMIC-1M and MIMIC-3M (figure 2); the second includes the first.
        rule: the candidate rule.
        settings: settings of the frames and the rule, from the paper or the released scripts.
    """

    name: str
    dataset: str
    kind: str
    adapter: str
    licence: str
    access: str
    ask_at: str
    raw_gb: int | None
    units: int | None
    pairs_1m: int
    pairs_3m: int
    rule: str
    settings: Mapping[str, Any]

    @property
    def in_paper(self) -> bool:
        """Whether the paper's datasets contain pairs from this source."""
        return self.pairs_3m > 0

    def pairs_in(self, dataset: str) -> int:
        """Return the paper's pair count in one of :data:`PAPER_DATASETS`."""
        return {"mimic-1m": self.pairs_1m, "mimic-3m": self.pairs_3m}[dataset]


def read_registry(path: Path = REGISTRY) -> dict[str, Entry]:
    """Read the registry's rows by name, in file order.

    Raises:
        MimicError: a row cannot be read, or a name appears twice.
    """
    found: dict[str, Entry] = {}
    with foreign("the registry is not a valid table", path, "restore it"):
        text = read_regular(path, "a registry", TEXT_BYTES).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    for line, row in enumerate(rows, 2):
        where = f"{path}, line {line}"
        remedy = "fill every column; numbers may be empty, settings are JSON"
        with foreign("this row of the registry cannot be read", where, remedy):
            entry = entry_of(row)
        if entry.name in found:
            raise MimicError(f"the source {entry.name!r} appears twice", where=where, remedy="remove one of them")
        found[entry.name] = entry
    return found


def entry_of(row: Mapping[str, str]) -> Entry:
    """Parse a row.

    Raises:
        ValueError, KeyError: a column is missing or has an invalid value.
    """
    if None in row or None in row.values():
        raise ValueError(f"{len([value for value in row.values() if value is not None])} columns, not {len(row)}")
    numbers = {column: int(row[column]) if row[column] else None for column in ("raw_gb", "units")}
    texts = {column: row[column] for column in ("name", "dataset", "kind", "adapter", "licence", "ask_at", "rule")}
    if row["access"] not in ACCESS:
        raise ValueError(f"access is {row['access']!r}, not one of {', '.join(ACCESS)}")
    settings = json.loads(row["settings"])
    if not isinstance(settings, dict):
        raise ValueError("settings are not a JSON object")
    return Entry(
        **texts,
        access=row["access"],
        raw_gb=numbers["raw_gb"],
        units=numbers["units"],
        pairs_1m=int(row["pairs_1m"]),
        pairs_3m=int(row["pairs_3m"]),
        settings=settings,
    )
