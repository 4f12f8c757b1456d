"""The training loop: the same for every objective, on one process or many.

All draws of an iteration are made for the whole effective batch and then shared out, so the same effective batch
gives the same run however it is divided into processes and accumulation steps; and as they are seeded by the
iteration, a resumed run draws what an undisturbed one would have drawn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimic_core.errors import MimicError
from mimic_core.pretrain.checkpoint import State, load_checkpoint, save_checkpoint
from mimic_core.pretrain.data import ImageStore, Order, Pairs, Request, split_by_unit
from mimic_core.pretrain.distributed import Processes, accumulate
from mimic_core.pretrain.metrics import LOSSES, write_metrics
from mimic_core.pretrain.objectives import get_objective
from mimic_core.pretrain.schedule import learning_rate, make_optimizer
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.pretrain.signals import StopSignals
from mimic_core.pretrain.validation import Validation
from mimic_core.progress import Progress
from mimic_core.seeding import generator, seed_for

log = logging.getLogger("mimic")

READ_EVERY = 25  # iterations between two looks at the losses, which make a GPU wait

Draws = dict[str, np.ndarray]


class Trainer:
    """One pretraining run.

    Args:
        dataset: the pairs.
        settings: the run's settings.
        seed: the config's seed.
        own: this process among the others.
        checkpoint_dir: where checkpoints lie; a run goes on from the newest.
        metrics_path: the ``metrics.csv`` to write.
        data_hash: names the content of the dataset, so that a checkpoint is not continued on another.

    Attributes:
        model: the model, trained once :meth:`run` has returned.
        state: where the run stands.
    """

    def __init__(
        self,
        dataset: Pairs,
        settings: PretrainSettings,
        seed: int,
        own: Processes,
        checkpoint_dir: Path,
        metrics_path: Path,
        data_hash: str = "",
    ) -> None:
        self.dataset, self.settings, self.seed, self.own = dataset, settings, seed, own
        self.checkpoint_dir, self.metrics_path = checkpoint_dir, metrics_path
        self.objective = get_objective(settings.model)
        self.patches = settings.encoder.grid**2
        self.effective_batch = own.count * settings.batch_size * settings.accumulation
        self.training, self.held_out = split_by_unit(dataset.rows, settings.validation_share, seed)
        samples = len(self.training) * self.objective.samples_per_pair
        self.order = Order(samples, self.effective_batch, seed)
        self.iterations = settings.epochs * self.order.iterations_per_epoch

        self.identity = {
            "settings": settings.to_dict(),
            "seed": seed,
            "effective_batch": self.effective_batch,
            "data": data_hash,
        }
        self.state = State()
        mask_ratio = settings.mask_ratio or self.objective.mask_ratio
        self.model = self.objective.build(settings.encoder, settings.decoder, mask_ratio)
        self.model.initialise(seed_for(seed, "model"))
        self.model.to(own.device)
        self.optimizer = make_optimizer(self.model, settings)
        self.restore()
        self.wrapped = own.wrap(self.model)
        self.autocast = torch.autocast(own.device.type, torch.bfloat16, enabled=settings.precision == "bf16")
        self.unread: list[torch.Tensor] = []
        self.clock = time.monotonic()
        self.saved = time.monotonic()

    def restore(self) -> None:
        """Go on from the newest checkpoint, where there is one."""
        content = load_checkpoint(self.checkpoint_dir, self.identity)
        if content is None:
            return
        self.state = content["state"]
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        log.info("going on from iteration %d of %d in %s", self.state.iteration, self.iterations, self.checkpoint_dir)

    def run(self) -> None:
        """Train to the last epoch; write ``metrics.csv`` on the way, and a checkpoint now and then and at the end.

        Raises:
            MimicError: a loss that is not finite, or a signal to stop (a checkpoint is left before it is raised).
        """
        if self.state.iteration >= self.iterations:
            return
        settings = self.settings
        store = ImageStore(self.dataset, settings.encoder.image_size, settings.cache_mib, settings.threads)
        rows = self.dataset.rows.iloc[self.held_out].reset_index(drop=True)
        held_out = self.held_out[rows.sort_values(["source", "unit", "key"]).index.to_numpy()]
        validation = Validation(self.objective, store, held_out, self.patches, settings.batch_size, self.seed)
        try:
            left = self.iterations - self.state.iteration
            with StopSignals() as signals, Progress(left, "iterations") as progress:
                if self.state.iteration == 0:
                    self.add_row(validation, loss=None)
                self.train(store, validation, signals, progress)
        finally:
            store.close()

    def train(self, store: ImageStore, validation: Validation, signals: StopSignals, progress: Progress) -> None:
        """All the iterations that are left."""
        self.wrapped.train()
        stream = store.stream(self.requests())
        self.clock = time.monotonic()
        while self.state.iteration < self.iterations:
            self.step(stream)
            done = self.state.iteration
            epoch_ends = done % self.order.iterations_per_epoch == 0
            if epoch_ends or len(self.unread) >= READ_EVERY:
                self.read_losses()
            if epoch_ends:
                self.end_epoch(validation)
            progress.step(1, f"loss {self.state.losses[-1]:.4f}" if self.state.losses else "")
            due = time.monotonic() - self.saved > 60 * self.settings.checkpoint_minutes
            stop, due = self.own.any([signals.received is not None, due])
            if stop or due or done == self.iterations:
                self.save()
            if stop and done < self.iterations:
                what = f"stopped by {signals.received or 'a signal to another process'} after iteration {done}"
                raise MimicError(what, where=self.checkpoint_dir, remedy="run the same command again: it goes on there")

    def requests(self) -> Iterator[tuple[Request, Draws]]:
        """What this process asks of the store from here on: a batch an accumulation step, with its draws."""
        size = self.settings.batch_size
        for iteration in range(self.state.iteration, self.iterations):
            samples = self.order.batch(iteration)
            rng = generator(self.seed, "iteration", iteration)
            draws = self.objective.draws(rng, self.effective_batch, self.patches)
            for step in range(self.settings.accumulation):
                start = (step * self.own.count + self.own.rank) * size
                part = {name: values[start : start + size] for name, values in draws.items()}
                request = self.objective.request(samples[start : start + size], part)
                yield Request(self.training[request.pairs], request.views), part

    def step(self, stream: Iterator[tuple[np.ndarray, Draws]]) -> None:
        """One step of the optimiser over the effective batch."""
        epoch = self.state.iteration / self.order.iterations_per_epoch
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(epoch, self.settings, self.effective_batch)
        steps = self.settings.accumulation
        total = torch.zeros((), device=self.own.device)
        for index in range(steps):
            images, draws = next(stream)
            with accumulate(self.wrapped, last=index == steps - 1):
                with self.autocast:
                    on_device = {name: self.to_device(values) for name, values in draws.items()}
                    inputs = self.objective.inputs(self.to_device(images), on_device)
                    loss = self.wrapped(*inputs)[0] / steps
                loss.backward()
            total += loss.detach()
        if self.settings.clip_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_gradient)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.unread.append(total)
        self.state.iteration += 1

    def to_device(self, values: np.ndarray) -> torch.Tensor:
        """An array as a tensor where the model is."""
        tensor = torch.from_numpy(values)
        if self.own.device.type == "cuda":
            return tensor.pin_memory().to(self.own.device, non_blocking=True)
        return tensor

    def read_losses(self) -> None:
        """Fetch the losses of the iterations since the last reading, averaged over the processes, and check them."""
        if not self.unread:
            return
        losses = self.own.mean(torch.stack(self.unread)).tolist()
        first = self.state.iteration - len(losses)
        for iteration, loss in enumerate(losses, start=first):
            if not np.isfinite(loss):
                raise self.not_finite(iteration, loss)
        self.unread.clear()
        self.state.losses += losses
        if first == 0:
            self.state.first_loss = losses[0]
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.state.epoch_seconds += now - self.clock
        self.clock = now

    def not_finite(self, iteration: int, loss: float) -> MimicError:
        """The error for a loss that is not finite, with the pairs it was computed on."""
        samples = self.order.batch(iteration)
        pairs = np.unique(self.training[samples // self.objective.samples_per_pair])
        keys = [str(key) for key in self.dataset.rows["key"].iloc[pairs]]
        return MimicError(
            f"the loss is {loss} at iteration {iteration}",
            where=f"pairs {', '.join(keys)}",
            remedy="lower pretrain.base_lr, set pretrain.clip_gradient, or use precision fp32; then delete "
            f"{self.checkpoint_dir}",
        )

    def end_epoch(self, validation: Validation) -> None:
        """Add the epoch's row and start the next epoch's sums."""
        self.add_row(validation, loss=float(np.mean(self.state.losses)))
        self.state.losses, self.state.epoch_seconds = [], 0.0
        self.clock = time.monotonic()

    def add_row(self, validation: Validation, loss: float | None) -> None:
        """Validate where it is due, and add a row to ``metrics.csv``."""
        state, settings = self.state, self.settings
        epoch = state.iteration // self.order.iterations_per_epoch
        due = epoch % settings.validation_every == 0 or epoch == settings.epochs
        pairs = len(state.losses) * self.effective_batch / self.objective.samples_per_pair
        row: dict[str, Any] = {
            "epoch": epoch,
            "iteration": state.iteration,
            "lr": self.optimizer.param_groups[0]["lr"],
            "loss": loss,
            "pairs_per_s": pairs / state.epoch_seconds if pairs else None,
            "seconds": state.seconds,
        }
        if due:
            row |= validation.measure(self.model, self.own, self.autocast)
        state.rows.append(row)
        if self.own.main:
            if due:
                found = [f"{name} {row[name]:.4f}" for name in LOSSES if row.get(name) is not None]
                log.info("epoch %d: %s", epoch, ", ".join(found))
            write_metrics(self.metrics_path, state.rows)

    def save(self) -> None:
        """Leave a checkpoint; the losses are read first, so that none is kept of a run that has gone wrong."""
        self.read_losses()
        if self.own.main:
            model, optimizer = self.model.state_dict(), self.optimizer.state_dict()
            finished = self.state.iteration >= self.iterations
            save_checkpoint(self.checkpoint_dir, self.state, self.identity, model, optimizer, finished=finished)
        self.own.wait()
        self.clock = self.saved = time.monotonic()
