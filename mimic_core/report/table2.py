"""Table 2: segmentation, pose and linear probing with every encoder, beside the paper's numbers (version 4)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from mimic_core.finetune import TASKS, tasks_of
from mimic_core.report.pages import page
from mimic_core.report.readings import Measure, measures, read_results
from mimic_core.report.registry import TableInputs
from mimic_core.report.rows import Table, build

FROZEN_SEGMENTATION = Measure(
    "ade20k_frozen_miou",
    "segmentation",
    "miou",
    "frozen segmentation mIoU",
    "%",
    True,
    "ADE20K",
    mode="frozen",
    paper="paper's version 1",
)
MEASURES = tuple(  # of the whole encoder, or of the frozen one if the task has no other mode
    replace(measure, mode=TASKS[measure.task].modes[-1]) for measure in measures(tasks_of(2))
)
TABLE = Table("Table 2", MEASURES, Path(__file__).with_name("paper_table2.csv"), by_mode=False)
WITH_FROZEN = replace(TABLE, measures=(*MEASURES, FROZEN_SEGMENTATION))


def make(inputs: TableInputs) -> pd.DataFrame:
    """Build the table; for order and errors see :func:`mimic_core.report.rows.build`.

    Segmentation and pose use whole encoders; classification is the linear probe of frozen ones. If there are results of
    frozen encoders on segmentation, they get a column beside the numbers of the paper's first version.
    """
    results = read_results(inputs.metrics)
    frozen = any((result.task, result.mode) == ("segmentation", "frozen") for result in results)
    return build(WITH_FROZEN if frozen else TABLE, results, inputs)


def markdown(table: pd.DataFrame, inputs: TableInputs) -> str:
    """Format the table as a Markdown page."""
    return page(WITH_FROZEN if FROZEN_SEGMENTATION.column in table else TABLE, table, inputs.scale)
