"""Table 3: CroCo pretrained on MIMIC-1M and on MIMIC-3M, frozen and whole, beside the paper's numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mimic_core.finetune import tasks_of
from mimic_core.report.pages import page
from mimic_core.report.readings import measures, read_results
from mimic_core.report.registry import TableInputs
from mimic_core.report.rows import Table, build

TABLE = Table("Table 3", measures(tasks_of(3)), Path(__file__).with_name("paper_table3.csv"))


def make(inputs: TableInputs) -> pd.DataFrame:
    """Build the table; for order and errors see :func:`mimic_core.report.rows.build`.

    Every encoder in ``inputs.metrics`` gets rows, so pass only the results of the runs to compare.
    """
    return build(TABLE, read_results(inputs.metrics), inputs)


def markdown(table: pd.DataFrame, inputs: TableInputs) -> str:
    """Format the table as a Markdown page."""
    return page(TABLE, table, inputs.scale)
