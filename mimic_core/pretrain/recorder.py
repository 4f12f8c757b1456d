"""Record a run: ``metrics.csv`` with losses and speed, curves, pictures, and encoders of certain epochs."""

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
from torch import Tensor, nn

from mimic_core.kit.errors import MimicError
from mimic_core.kit.verify import fingerprint
from mimic_core.objectives import draw_pictures
from mimic_core.pretrain.batches import Batches
from mimic_core.pretrain.checkpoint import State
from mimic_core.pretrain.curves import Curves
from mimic_core.pretrain.metrics import is_loss, write_metrics
from mimic_core.pretrain.speed import Stopwatch, matrix_rate, peak_memory

log = logging.getLogger("mimic")

READ_EVERY = 25  # iterations between reads of the losses; a read synchronises the GPU


class Recorder:
    """Collect and write a run's records; what must survive a kill is in ``state``.

    Args:
        path: the ``metrics.csv`` to write; all other files are written next to it.
        state: progress of the run.
        batches: the run's batches.
        make_error: returns the error for a loss that is not finite, given its iteration and value.

    Attributes:
        waiting: time spent waiting for images.
        sample_operations: floating-point operations per training sample.
        peak_rate: maximum floating-point operations per second of the device, measured.
    """

    def __init__(
        self, path: Path, state: State, batches: Batches, make_error: Callable[[int, float], MimicError]
    ) -> None:
        self.path, self.state, self.batches, self.make_error = path, state, batches, make_error
        self.unread: list[Tensor] = []
        self.clock = time.monotonic()
        self.waiting = Stopwatch()
        self.curves: Curves | None = None
        self.sample_operations = self.peak_rate = 0.0

    @property
    def main(self) -> bool:
        """Whether this is the process that writes files."""
        return self.batches.world.main

    def open(self, sample_operations: float, precision: torch.dtype) -> None:
        """Measure the device's maximum rate and open the curves; a new run first removes files of an earlier one."""
        self.sample_operations = sample_operations
        self.peak_rate = matrix_rate(self.batches.world.device, precision)
        if self.main:
            if self.state.iteration == 0:
                self.clear()
            self.curves = Curves(self.path.parent / "tensorboard", self.state.iteration)

    def close(self) -> None:
        """Close the curves."""
        if self.curves:
            self.curves.close()

    def clear(self) -> None:
        """Remove the pictures, curves and intermediate encoders of an earlier run."""
        folder = self.path.parent
        for name in ("pictures", "tensorboard"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for path in folder.glob("encoder-epoch-*.safetensors"):
            path.unlink()

    def start_clock(self) -> None:
        """Restart the training clock; the time since the last read does not count as training."""
        self.clock = time.monotonic()

    def add(self, loss: Tensor, norm: Tensor, named: Mapping[str, Tensor]) -> None:
        """Record an iteration's loss, gradient norm and, if the loss is a sum, its components."""
        self.unread.append(torch.stack([loss, norm, *named.values()]))

    def read(self) -> None:
        """Fetch the values recorded since the last read, averaged over the processes; raise for a non-finite loss."""
        if not self.unread:
            return
        losses, norms, *parts = self.batches.world.mean(torch.stack(self.unread)).T.tolist()
        first = self.state.iteration - len(losses)
        for iteration, loss in enumerate(losses, start=first):
            if not math.isfinite(loss):
                raise self.make_error(iteration, loss)
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
        """Return the row of the epoch that has ended, without validation, and reset the epoch's values."""
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
                "mfu": samples * self.sample_operations / (batches.world.count * self.peak_rate),
            }
        state.losses, state.norms, state.named = [], [], {}
        state.epoch_seconds = state.epoch_waited = 0.0
        return row

    def add_row(self, row: dict[str, Any], validated: Mapping[str, float] | None) -> None:
        """Add a row, with the validation losses if measured, to ``metrics.csv`` and the curves."""
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
        """Save a picture of the model's reconstructions after an epoch: ``pictures/epoch-0020.png``."""
        if columns:
            draw_pictures(self.path.parent / "pictures" / f"epoch-{epoch:04d}.png", columns)

    def save_encoder(self, epoch: int, encoder: nn.Module) -> None:
        """Save the encoder after an epoch and record its fingerprint."""
        settings, path = self.batches.settings, epoch_encoder(self.path, epoch)
        about = {"model": settings.model, "dataset": settings.dataset, "epoch": epoch}
        self.batches.objective.save_encoder(path, encoder, about)
        self.state.encoders[path.name] = fingerprint(path)


def epoch_encoder(metrics: Path, epoch: int) -> Path:
    """Return the path of an epoch's encoder, next to ``metrics.csv``: ``encoder-epoch-0020.safetensors``."""
    return metrics.with_name(f"encoder-epoch-{epoch:04d}.safetensors")
