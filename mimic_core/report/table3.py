"""Table 3: CroCo pretrained on MIMIC-1M and on MIMIC-3M, frozen and whole, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.finetune import tasks_of
from mimic_core.report.pages import page
from mimic_core.report.readings import Encoders, measures, read_results, run_statistics
from mimic_core.report.registry import TableInputs
from mimic_core.report.rows import Table, build

TABLE = Table("Table 3", measures(tasks_of(3)), Path(__file__).with_name("paper_table3.csv"))


def make(inputs: TableInputs) -> tuple[pd.DataFrame, str]:
    """Return the table and its Markdown page."""
    table = table3(
        inputs.metrics, inputs.pretrain, inputs.runs, inputs.scale, inputs.baselines, inputs.missing, inputs.short
    )
    return table, markdown(table, inputs.scale)


def table3(
    metrics: Sequence[Path],
    pretrain: Sequence[Path],
    runs: Mapping[str, Any],
    scale: str,
    baselines: Mapping[str, Any] | None = None,
    missing: Mapping[str, str] | None = None,
    short: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Build the table; for arguments, order and errors see :func:`mimic_core.report.table1.table1`.

    Every encoder in ``metrics`` gets rows, so pass only the results of the runs to compare.
    """
    encoders = Encoders(runs, baselines or {}, missing or {}, short or {})
    return build(TABLE, read_results(metrics), encoders, run_statistics(pretrain, "training_pairs"), scale)


def markdown(table: pd.DataFrame, scale: str) -> str:
    """Format the table as a Markdown page."""
    return page(TABLE, table, scale)
