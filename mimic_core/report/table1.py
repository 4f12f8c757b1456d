"""Table 1: the dense tasks with every encoder, frozen and whole, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mimic_core.finetune import tasks_of
from mimic_core.kit.escaping import markdown_table
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.report.pages import page
from mimic_core.report.readings import measures, read_results
from mimic_core.report.registry import TableInputs
from mimic_core.report.rows import Table, build

TABLE = Table("Table 1", measures(tasks_of(1)), Path(__file__).with_name("paper_table1.csv"))
LOSSES = {  # heading -> statistic of a pretraining receipt
    "loss, start": "first_loss",
    "loss, end": "last_loss",
    "held out, start": "val_loss_first",
    "held out, end": "val_loss",
    "with a shuffled view": "val_loss_shuffled",
    "gain": "cross_view_gain",
}


def make(inputs: TableInputs) -> pd.DataFrame:
    """Build the table; for order and errors see :func:`mimic_core.report.rows.build`."""
    return build(TABLE, read_results(inputs.metrics), inputs)


def markdown(table: pd.DataFrame, inputs: TableInputs) -> str:
    """Format the table as a Markdown page: the numbers, the gain over random weights, and the pretraining losses."""
    return "\n".join([page(TABLE, table, inputs.scale), *pretraining_lines(inputs.pretrain)])


def pretraining_lines(receipts: Iterable[Path]) -> list[str]:
    """Return the section on pretraining: the losses of each run, and CroCo's cross-view gain."""
    rows = []
    for path in receipts:
        receipt = read_receipt(path)
        known = receipt.block("statistics")
        losses = [
            "-" if known.get(name) is None else f"{receipt.number('statistics', name):.3f}" for name in LOSSES.values()
        ]
        counts = [f"{receipt.count('statistics', name):,}" for name in ("training_pairs", "iterations")]
        rows.append([path.parent.name, *counts, *losses])
    names = ["run", "pairs", "iterations", *LOSSES]
    return [
        "## Pretraining",
        "",
        "Loss on normalised pixels of hidden patches, in training and on held-out units. The cross-view gain is how"
        " much the held-out loss rises when the second view is taken from another pair.",
        "",
        *markdown_table(names, names[1:], rows),
    ]
