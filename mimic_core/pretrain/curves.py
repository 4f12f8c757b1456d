"""Curves of a run for TensorBoard: ``tensorboard --logdir results/pretrain``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class Curves:
    """Writes events; what a killed run had written after its checkpoint is purged by the one that goes on.

    Args:
        folder: where the events lie, a file a start.
        iteration: iterations done before this start.
    """

    def __init__(self, folder: Path, iteration: int) -> None:
        self.writer = SummaryWriter(str(folder), purge_step=iteration)

    def add_iterations(self, first: int, values: Mapping[str, Sequence[float]]) -> None:
        """Add a value an iteration for each name; ``first`` is the number of the first iteration."""
        for name, series in values.items():
            for iteration, value in enumerate(series, first):
                self.writer.add_scalar(f"iteration/{name}", value, iteration)

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Add a row of ``metrics.csv``, at its iteration."""
        for name, value in row.items():
            if name not in ("epoch", "iteration") and value is not None:
                self.writer.add_scalar(f"epoch/{name}", value, row["iteration"])
        self.writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
