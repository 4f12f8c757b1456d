"""Table 1: the dense tasks from every encoder, frozen and whole, beside the paper's figures."""

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
from mimic_core.report.registry import Given
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


def make(given: Given) -> tuple[pd.DataFrame, str]:
    """The table and its page."""
    table = table1(given.metrics, given.pretrain, given.runs, given.scale, given.baselines, given.missing, given.short)
    return table, markdown(table, given.pretrain, given.scale)


def table1(
    metrics: Sequence[Path],
    pretrain: Sequence[Path],
    runs: Mapping[str, Any],
    scale: str,
    baselines: Mapping[str, Any] | None = None,
    missing: Mapping[str, str] | None = None,
    short: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Gather the table: the floor first, then the paper's rows in its order, then rows the paper has not.

    Args:
        metrics: ``metrics.json`` of fine-tuning results; those of other tasks are left out.
        pretrain: receipts of the pretraining runs.
        runs: the config's ``pretrain.runs``: run -> model and dataset.
        scale: ``sample`` or ``paper``.
        baselines: the config's ``baselines``: name -> model, dataset and licence.
        missing: encoders that were left out -> reason.
        short: datasets that have fewer pairs than wanted -> how many.

    A row of the paper for which nothing was run stays empty and says so; no number is invented.

    Raises:
        MimicError: a file is broken or of an unknown encoder; it is named.
    """
    encoders = Encoders(runs, baselines or {}, missing or {}, short or {})
    return build(TABLE, read_results(metrics), encoders, run_statistics(pretrain, "training_pairs"), scale)


def markdown(table: pd.DataFrame, pretrain: Iterable[Path], scale: str) -> str:
    """The table as a page to read: the numbers, the gain over random weights, and how pretraining went."""
    return "\n".join([page(TABLE, table, scale), *pretraining_lines(pretrain)])


def pretraining_lines(receipts: Iterable[Path]) -> list[str]:
    """How each pretraining went: the losses, and CroCo's cross-view gain."""
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
