"""``metrics.csv``: one row per epoch; row 0 is before training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.kit.files import atomic_path

LOSSES = ("loss", "val_loss", "val_loss_shuffled")
SPEEDS = ("pairs_per_s", "waiting_share", "memory_mib", "mfu", "seconds")  # these depend on the machine
COLUMNS = ("epoch", "iteration", "lr", *LOSSES, "gradient_norm", *SPEEDS)


def is_loss(column: str) -> bool:
    """Return whether a column is a loss: ``loss``, ``val_loss``, or a component such as ``val_loss_<name>``."""
    return column in LOSSES or column.startswith(tuple(f"{name}_" for name in LOSSES))


def columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the columns of some rows: those of every run, with the loss components after the losses.

    An objective with a single loss has no component columns; they would repeat ``loss``.
    """
    further = [name for name in dict.fromkeys(name for row in rows for name in row) if is_loss(name)]
    losses = [*LOSSES, *(name for name in further if name not in LOSSES)]
    return [*COLUMNS[: COLUMNS.index(LOSSES[0])], *losses, *COLUMNS[COLUMNS.index(LOSSES[-1]) + 1 :]]


def write_metrics(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows atomically; values that were not measured stay empty."""
    with atomic_path(path) as temporary:
        pd.DataFrame(list(rows), columns=columns(rows)).to_csv(temporary, index=False, float_format="%.6g")


def measured(rows: Sequence[dict[str, Any]], column: str) -> list[float]:
    """Return the values of a column, skipping rows that have none."""
    return [row[column] for row in rows if row.get(column) is not None]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Return the first and last measured losses and the cross-view gain: shuffled minus true validation loss."""

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
