"""Table 1: the dense tasks with every encoder, frozen and whole, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.finetune import tasks_of
from mimic_core.kit.escaping import markdown_table
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.report.pages import page
from mimic_core.report.readings import Encoders, measures, read_results, run_statistics
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


def make(inputs: TableInputs) -> tuple[pd.DataFrame, str]:
    """Return the table and its Markdown page."""
    table = table1(
        inputs.metrics, inputs.pretrain, inputs.runs, inputs.scale, inputs.baselines, inputs.missing, inputs.short
    )
    return table, markdown(table, inputs.pretrain, inputs.scale)


def table1(
    metrics: Sequence[Path],
    pretrain: Sequence[Path],
    runs: Mapping[str, Any],
    scale: str,
    baselines: Mapping[str, Any] | None = None,
    missing: Mapping[str, str] | None = None,
    short: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Build the table: first the floor, then the paper's rows in their order, then rows that the paper does not have.

    Args:
        metrics: ``metrics.json`` of fine-tuning results; those of other tasks are ignored.
        pretrain: receipts of the pretraining runs.
        runs: the config's ``pretrain.runs``: run -> model and dataset.
        scale: ``sample`` or ``paper``.
        baselines: the config's ``baselines``: name -> model, dataset and licence.
        missing: encoders that were left out -> reason.
        short: datasets with fewer pairs than requested -> how many.

    A row of the paper that was not run stays empty, and its note says so.

    Raises:
        MimicError: a file is broken or of an unknown encoder.
    """
    encoders = Encoders(runs, baselines or {}, missing or {}, short or {})
    return build(TABLE, read_results(metrics), encoders, run_statistics(pretrain, "training_pairs"), scale)


def markdown(table: pd.DataFrame, pretrain: Iterable[Path], scale: str) -> str:
    """Format the table as a Markdown page: the numbers, the gain over random weights, and the pretraining losses."""
    return "\n".join([page(TABLE, table, scale), *pretraining_lines(pretrain)])


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
