"""Write a run's curves for TensorBoard: ``tensorboard --logdir results/pretrain``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class Curves:
    """Write events; on resuming, purge those that a killed run wrote after its last checkpoint.

    Args:
        folder: folder of the events; every start adds a file.
        iteration: iterations done before this start.
    """

    def __init__(self, folder: Path, iteration: int) -> None:
        self.writer = SummaryWriter(str(folder), purge_step=iteration)

    def add_iterations(self, first: int, values: Mapping[str, Sequence[float]]) -> None:
        """Add one value per iteration for each name, starting at iteration ``first``."""
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
        """Flush and close the event file."""
        self.writer.close()
