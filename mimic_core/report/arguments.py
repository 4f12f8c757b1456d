"""Command-line arguments shared by the scripts of the tables and figure 3."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.kit.escaping import csv_cell
from mimic_core.kit.files import atomic_path
from mimic_core.kit.program import settings


def results_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser for the input results, the names of encoders, the scale, and the CSV file to write."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--metrics", type=Path, nargs="*", default=[], help="metrics.json of all results")
    parser.add_argument("--pretrain", type=Path, nargs="*", default=[], help="receipts of the pretraining runs")
    parser.add_argument("--runs", type=settings, required=True, help="the config's pretrain.runs as JSON")
    parser.add_argument("--baselines", type=settings, default={}, help="the config's baselines as JSON")
    parser.add_argument(
        "--missing",
        nargs="*",
        action="extend",
        default=[],
        metavar="NAME=REASON",
        help="encoders that were left out, and why (repeatable)",
    )
    parser.add_argument("--datasets", type=Path, nargs="*", default=[], help="receipts of the runs' datasets")
    parser.add_argument("--scale", required=True, help="sample or paper")
    parser.add_argument("--csv", type=Path, required=True, help="CSV file to write")
    return parser


def parse_missing(words: Sequence[str]) -> Mapping[str, str]:
    """Parse the values of ``--missing`` into encoder -> reason.

    Raises:
        MimicError: a value is not ``name=reason``, or a name is repeated.
    """
    found: dict[str, str] = {}
    for word in words:
        name, _, reason = word.partition("=")
        if not name or not reason.strip():
            raise MimicError(f"{word!r} is not name=reason", where="--missing", remedy="say why the encoder is missing")
        if name in found:
            raise MimicError(f"{name} is given twice", where="--missing", remedy="give each encoder once")
        found[name] = reason.strip()
    return found


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV atomically, with text escaped so that no cell is a spreadsheet formula."""
    with atomic_path(path) as temporary:
        table.map(csv_cell).to_csv(temporary, index=False)
