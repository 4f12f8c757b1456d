"""What a run leaves to be looked at: ``metrics.csv`` with its speed, curves, pictures, encoders of single epochs."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimic_core.kit.errors import MimicError
from mimic_core.kit.verify import fingerprint
from mimic_core.models import Encoder
from mimic_core.models.weights import save_encoder
from mimic_core.objectives import draw_pictures
from mimic_core.pretrain.batches import Batches
from mimic_core.pretrain.checkpoint import State
from mimic_core.pretrain.curves import Curves
from mimic_core.pretrain.metrics import is_loss, write_metrics
from mimic_core.pretrain.speed import Stopwatch, matrix_rate, peak_memory

log = logging.getLogger("mimic")

READ_EVERY = 25  # iterations between two looks at the losses, which make a GPU wait


class Recorder:
    """Takes in what happens, and writes it down; what must outlive a kill is in the state.

    Args:
        path: the ``metrics.csv`` to write; everything else is left beside it.
        state: where the run stands.
        batches: what the run is made of.
        refuse: makes the error of a loss that is not finite, by its iteration and value.

    Attributes:
        waiting: the time that is spent waiting for images.
        sample_operations: floating-point operations of a training sample.
        possible: operations a second that the device can do at most, measured.
    """

    def __init__(self, path: Path, state: State, batches: Batches, refuse: Callable[[int, float], MimicError]) -> None:
        self.path, self.state, self.batches, self.refuse = path, state, batches, refuse
        self.unread: list[Tensor] = []
        self.clock = time.monotonic()
        self.waiting = Stopwatch()
        self.curves: Curves | None = None
        self.sample_operations = self.possible = 0.0

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.batches.world.main

    def open(self, sample_operations: float, precision: torch.dtype) -> None:
        """Measure what the device can do, and begin the curves; a run that starts anew removes another's leavings."""
        self.sample_operations = sample_operations
        self.possible = matrix_rate(self.batches.world.device, precision)
        if self.main:
            if self.state.iteration == 0:
                self.clear()
            self.curves = Curves(self.path.parent / "tensorboard", self.state.iteration)

    def close(self) -> None:
        """Write what is left."""
        if self.curves:
            self.curves.close()

    def clear(self) -> None:
        """Remove what a run of another config left on its way: its pictures, curves and encoders of single epochs."""
        folder = self.path.parent
        for name in ("pictures", "tensorboard"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for path in folder.glob("encoder-epoch-*.safetensors"):
            path.unlink()

    def start_clock(self) -> None:
        """Seconds of training count from now on; those since the last reading do not."""
        self.clock = time.monotonic()

    def add(self, loss: Tensor, norm: Tensor, named: Mapping[str, Tensor]) -> None:
        """Note an iteration: its loss, the norm of its gradient, and where the loss is a sum, what of."""
        self.unread.append(torch.stack([loss, norm, *named.values()]))

    def read(self) -> None:
        """Fetch what was noted since the last reading, averaged over the processes, and see that losses are finite."""
        if not self.unread:
            return
        losses, norms, *parts = self.batches.world.mean(torch.stack(self.unread)).T.tolist()
        first = self.state.iteration - len(losses)
        for iteration, loss in enumerate(losses, start=first):
            if not math.isfinite(loss):
                raise self.refuse(iteration, loss)
        self.unread.clear()
        self.state.losses += losses
        self.state.norms += norms
        named = dict(zip(self.batches.objective.weights, parts, strict=False)) if parts else {}
        for name, values in named.items():
            self.state.named.setdefault(name, []).extend(values)
        if self.curves:
            series = {f"loss_{name}": values for name, values in named.items()}
            self.curves.add_iterations(first, {"loss": losses, **series, "gradient_norm": norms})
        if first == 0:
            self.state.first_loss = losses[0]
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.state.epoch_seconds += now - self.clock
        self.state.epoch_waited += self.waiting.take()
        self.clock = now

    def row(self, learning_rate: float) -> dict[str, Any]:
        """The row of the epoch that has ended, validation left out; the next epoch's sums start."""
        state, batches = self.state, self.batches
        row: dict[str, Any] = {
            "epoch": state.iteration // batches.order.iterations_per_epoch,
            "iteration": state.iteration,
            "lr": learning_rate,
            "loss": None,
            "seconds": state.seconds,
        }
        if state.losses:
            samples = len(state.losses) * batches.effective_batch / state.epoch_seconds
            row |= {
                "loss": float(np.mean(state.losses)),
                **{f"loss_{name}": float(np.mean(values)) for name, values in state.named.items()},
                "gradient_norm": float(np.mean(state.norms)),
                "pairs_per_s": samples / batches.objective.samples_per_item,
                "waiting_share": state.epoch_waited / state.epoch_seconds,
                "memory_mib": peak_memory(batches.world.device),
                "mfu": samples * self.sample_operations / (batches.world.count * self.possible),
            }
        state.losses, state.norms, state.named = [], [], {}
        state.epoch_seconds = state.epoch_waited = 0.0
        return row

    def add_row(self, row: dict[str, Any], validated: Mapping[str, float] | None) -> None:
        """Add a row, with what validation measured where it was due, to ``metrics.csv`` and to the curves."""
        row = {**row, **(validated or {})}
        self.state.rows.append(row)
        if not self.main:
            return
        if validated is not None:
            found = [f"{name} {value:.4f}" for name, value in row.items() if is_loss(name) and value is not None]
            log.info("epoch %d: %s", row["epoch"], ", ".join(found))
        write_metrics(self.path, self.state.rows)
        if self.curves:
            self.curves.add_row(row)

    def draw(self, epoch: int, columns: Mapping[str, Tensor]) -> None:
        """Leave a picture of what the model paints after an epoch: ``pictures/epoch-0020.png``."""
        if columns:
            draw_pictures(self.path.parent / "pictures" / f"epoch-{epoch:04d}.png", columns)

    def save_encoder(self, epoch: int, encoder: Encoder) -> None:
        """Leave the encoder as it is after an epoch."""
        settings, path = self.batches.settings, epoch_encoder(self.path, epoch)
        save_encoder(path, encoder, {"model": settings.model, "dataset": settings.dataset, "epoch": epoch})
        self.state.encoders[path.name] = fingerprint(path)


def epoch_encoder(metrics: Path, epoch: int) -> Path:
    """File of the encoder of an epoch, beside ``metrics.csv``: ``encoder-epoch-0020.safetensors``."""
    return metrics.with_name(f"encoder-epoch-{epoch:04d}.safetensors")
