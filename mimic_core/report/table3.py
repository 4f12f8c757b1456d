"""Table 3: what more pairs bring: CroCo on MIMIC-1M and MIMIC-3M, frozen and whole, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.finetune import tasks_of
from mimic_core.report.pages import page
from mimic_core.report.readings import Encoders, measures, read_results, run_statistics
from mimic_core.report.registry import Given
from mimic_core.report.rows import Table, build

TABLE = Table("Table 3", measures(tasks_of(3)), Path(__file__).with_name("paper_table3.csv"))


def make(given: Given) -> tuple[pd.DataFrame, str]:
    """The table and its page."""
    table = table3(given.metrics, given.pretrain, given.runs, given.scale, given.baselines, given.missing, given.short)
    return table, markdown(table, given.scale)


def table3(
    metrics: Sequence[Path],
    pretrain: Sequence[Path],
    runs: Mapping[str, Any],
    scale: str,
    baselines: Mapping[str, Any] | None = None,
    missing: Mapping[str, str] | None = None,
    short: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Gather the table; arguments, order and errors as :func:`mimic_core.report.table1.table1`.

    Every encoder in ``metrics`` has its rows: give those of the runs that are to be compared.
    """
    encoders = Encoders(runs, baselines or {}, missing or {}, short or {})
    return build(TABLE, read_results(metrics), encoders, run_statistics(pretrain, "training_pairs"), scale)


def markdown(table: pd.DataFrame, scale: str) -> str:
    """The table as a page to read."""
    return page(TABLE, table, scale)
