"""Table 2: segmentation, pose and linear probing from every encoder, beside the paper's figures (version 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.finetune import TASKS, tasks_of
from mimic_core.report.pages import page
from mimic_core.report.readings import Encoders, Measure, measures, read_results, run_statistics
from mimic_core.report.registry import Given
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
MEASURES = tuple(  # of the whole encoder, or of the frozen one where a task has no other
    replace(measure, mode=TASKS[measure.task].modes[-1]) for measure in measures(tasks_of(2))
)
TABLE = Table("Table 2", MEASURES, Path(__file__).with_name("paper_table2.csv"), by_mode=False)
WITH_FROZEN = replace(TABLE, measures=(*MEASURES, FROZEN_SEGMENTATION))


def make(given: Given) -> tuple[pd.DataFrame, str]:
    """The table and its page."""
    table = table2(given.metrics, given.pretrain, given.runs, given.scale, given.baselines, given.missing, given.short)
    return table, markdown(table, given.scale)


def table2(
    metrics: Sequence[Path],
    pretrain: Sequence[Path],
    runs: Mapping[str, Any],
    scale: str,
    baselines: Mapping[str, Any] | None = None,
    missing: Mapping[str, str] | None = None,
    short: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Gather the table; arguments, order and errors as :func:`mimic_core.report.table1.table1`.

    Segmentation and pose are those of whole encoders, classification is the linear probe of frozen ones. Where a frozen
    encoder was trained on segmentation, its column stands beside the paper's first version, which has those numbers.
    """
    results = read_results(metrics)
    frozen = any((result.task, result.mode) == ("segmentation", "frozen") for result in results)
    encoders = Encoders(runs, baselines or {}, missing or {}, short or {})
    pairs = run_statistics(pretrain, "training_pairs")
    return build(WITH_FROZEN if frozen else TABLE, results, encoders, pairs, scale)


def markdown(table: pd.DataFrame, scale: str) -> str:
    """The table as a page to read."""
    return page(WITH_FROZEN if FROZEN_SEGMENTATION.column in table else TABLE, table, scale)
