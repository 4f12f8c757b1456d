"""``metrics.csv``: a row an epoch, row 0 before any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.kit.files import atomic_path

LOSSES = ("loss", "val_loss", "val_loss_shuffled")
SPEEDS = ("pairs_per_s", "waiting_share", "memory_mib", "mfu", "seconds")  # what the machine decides, not the run
COLUMNS = ("epoch", "iteration", "lr", *LOSSES, "gradient_norm", *SPEEDS)


def is_loss(column: str) -> bool:
    """Whether a column holds a loss: ``loss``, ``val_loss``, or one that they are the sum of, ``val_loss_<name>``."""
    return column in LOSSES or column.startswith(tuple(f"{name}_" for name in LOSSES))


def columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The columns of some rows: those that every run has, and after ``loss`` and its like the losses it is the sum of.

    An objective of a single loss has no further column: it would repeat ``loss``.
    """
    further = [name for name in dict.fromkeys(name for row in rows for name in row) if is_loss(name)]
    losses = [*LOSSES, *(name for name in further if name not in LOSSES)]
    return [*COLUMNS[: COLUMNS.index(LOSSES[0])], *losses, *COLUMNS[COLUMNS.index(LOSSES[-1]) + 1 :]]


def write_metrics(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows, atomically; what was not measured is left empty."""
    with atomic_path(path) as temporary:
        pd.DataFrame(list(rows), columns=columns(rows)).to_csv(temporary, index=False, float_format="%.6g")


def measured(rows: Sequence[dict[str, Any]], column: str) -> list[float]:
    """The values of a column, without the rows that have none."""
    return [row[column] for row in rows if row.get(column) is not None]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """The first and last of what was measured, and the cross-view gain: shuffled minus true validation loss."""

    def pick(column: str, place: int) -> float | None:
        values = measured(rows, column)
        return values[place] if values else None

    true, shuffled = pick("val_loss", -1), pick("val_loss_shuffled", -1)
    return {
        "last_loss": pick("loss", -1),
        "val_loss_first": pick("val_loss", 0),
        "val_loss": true,
        "val_loss_shuffled": shuffled,
        "cross_view_gain": shuffled - true if shuffled is not None and true is not None else None,
    }
