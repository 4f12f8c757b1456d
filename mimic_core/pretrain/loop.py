"""The training loop, shared by all objectives, in one process or many."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_json
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import seed_for
from mimic_core.kit.verify import InputCheck
from mimic_core.machine import RunLock
from mimic_core.machine.devices import usable_precision
from mimic_core.models import speed_up_linear_layers
from mimic_core.objectives import Arrays, Items, Store, get_objective
from mimic_core.pretrain.batches import Batches, Draws
from mimic_core.pretrain.distributed import Processes, accumulate
from mimic_core.pretrain.recorder import READ_EVERY, Recorder, epoch_encoder
from mimic_core.pretrain.resuming import Checkpoints, identity
from mimic_core.pretrain.schedule import clip_gradients, make_optimizer, schedule
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.pretrain.signals import StopSignals
from mimic_core.pretrain.validation import Validation

SHOWN = 5  # pairs listed in an error


class Trainer:
    """One pretraining run.

    Args:
        dataset: the pairs.
        settings: the run's settings.
        seed: the config's seed.
        world: this process and the others of the run.
        checkpoint_dir: folder of the checkpoints; a run resumes from the newest.
        metrics_path: the ``metrics.csv`` to write.
        data_hash: hash of the dataset, so that a checkpoint is not resumed on another dataset.
        allow_changed: dotted keys that may differ from an unfinished run's checkpoint.
        inputs: concurrent check of the dataset's shards; training stops if it fails.

    Attributes:
        batches: batches to train and validate on.
        model: the model, trained once :meth:`run` has returned.
        state: progress of the run.
        recorder: writes metrics, curves, pictures and encoders.
    """

    def __init__(
        self,
        dataset: Items,
        settings: PretrainSettings,
        seed: int,
        world: Processes,
        checkpoint_dir: Path,
        metrics_path: Path,
        data_hash: str = "",
        allow_changed: Collection[str] = (),
        inputs: InputCheck | None = None,
    ) -> None:
        self.dataset, self.settings, self.seed, self.world, self.inputs = dataset, settings, seed, world, inputs
        self.objective = get_objective(settings.model).configured(settings)
        self.batches = Batches(dataset.rows, self.objective, settings, seed, world)
        self.iterations = self.batches.iterations

        self.model = self.objective.build(settings)
        self.model.initialise(seed_for(seed, "model"))
        speed_up_linear_layers(self.model.to(world.device))
        self.optimizer = make_optimizer(self.model, settings, self.objective.rate_factor)
        self.precision = usable_precision(settings.precision, world.device)
        self.scaler = torch.amp.GradScaler(world.device.type, enabled=self.precision == torch.float16)
        self.autocast = torch.autocast(world.device.type, self.precision, enabled=self.precision != torch.float32)

        kept = {"model": self.model, "optimizer": self.optimizer, "scaler": self.scaler}
        decides = identity(settings, seed, self.batches.effective_batch, data_hash)
        self.checkpoints = Checkpoints(checkpoint_dir, decides, self.iterations, kept, settings, world)
        steps = self.batches.order.iterations_per_epoch
        encoders = {epoch * steps: epoch_encoder(metrics_path, epoch) for epoch in settings.save_encoders_at}
        self.state = self.checkpoints.restore(allow_changed, encoders)
        self.recorder = Recorder(metrics_path, self.state, self.batches, self.not_finite)
        self.wrapped = world.wrap(self.model)
        if settings.compile:
            self.wrapped = cast(nn.Module, torch.compile(self.wrapped))

    def run(self) -> None:
        """Train to the last epoch; update ``metrics.csv`` and save checkpoints along the way and at the end.

        Raises:
            MimicError: a loss is not finite, a stop signal was received (after saving a checkpoint), another process
                works on this run, or the GPU ran out of memory.
        """
        if self.state.iteration >= self.iterations:
            return
        lock = RunLock(self.checkpoints.folder) if self.world.main else contextlib.nullcontext()
        try:
            with lock:
                self.work()
        except torch.OutOfMemoryError as error:
            remedy = f"lower pretrain.batch_size (it is {self.settings.batch_size}); effective_batch stays the same"
            raise MimicError("the GPU ran out of memory", where=str(self.world.device), remedy=remedy) from error

    def work(self) -> None:
        """Do the work of :meth:`run` while holding the run's lock."""
        settings, batches = self.settings, self.batches
        store = self.objective.open_store(self.dataset, settings, settings.cache_mib, settings.threads)
        held_out, patches, size = batches.validation_rows(), batches.patches, settings.batch_size
        validation = Validation(self.objective, store, held_out, patches, size, self.seed)
        try:
            left = self.iterations - self.state.iteration
            with StopSignals() as signals, Progress(left, "iterations") as progress:
                self.recorder.open(self.objective.cost(settings).operations, self.precision)
                if self.state.iteration == 0:
                    self.end_epoch(validation)
                self.train(store, validation, signals, progress)
        finally:
            store.close()
            self.recorder.close()

    def train(self, store: Store, validation: Validation, signals: StopSignals, progress: Progress) -> None:
        """Run the remaining iterations."""
        state, recorder = self.state, self.recorder
        self.wrapped.train()
        stream = store.stream(self.batches.requests(state.iteration))
        recorder.start_clock()
        while state.iteration < self.iterations:
            self.step(stream)
            epoch_ends = state.iteration % self.batches.order.iterations_per_epoch == 0
            if epoch_ends or len(recorder.unread) >= READ_EVERY:
                recorder.read()
            if epoch_ends:
                self.end_epoch(validation)
            progress.step(1, f"loss {state.losses[-1]:.4f}" if state.losses else "")
            self.save_or_stop(signals)

    def step(self, stream: Iterator[tuple[Arrays, Draws]]) -> None:
        """Take one optimizer step over the effective batch."""
        epoch = self.state.iteration / self.batches.order.iterations_per_epoch
        schedule(self.optimizer, epoch, self.settings, self.batches.effective_batch)
        steps = self.batches.accumulation
        total = torch.zeros((), device=self.world.device)
        named = dict.fromkeys(self.objective.weights, total) if len(self.objective.weights) > 1 else {}
        for index in range(steps):
            with self.recorder.waiting.running():
                arrays, draws = next(stream)
            with accumulate(self.wrapped, last=index == steps - 1):
                with self.autocast:
                    losses = self.wrapped(*self.inputs_of(arrays, draws))[0]
                    loss = self.objective.total(losses) / steps
                self.scaler.scale(loss).backward()
            total = total + loss.detach()
            named = {name: value + losses[name].detach() / steps for name, value in named.items()}
        self.objective.before_step(self.model, self.state.iteration / self.iterations)
        self.scaler.unscale_(self.optimizer)
        norm = clip_gradients(self.model.parameters(), self.settings)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.recorder.add(total, norm, named)
        self.state.iteration += 1
        self.objective.after_step(self.model, self.state.iteration / self.iterations)

    def inputs_of(self, arrays: Arrays, draws: Draws) -> tuple[Tensor, ...]:
        """Return the model's inputs, on its device."""
        return self.objective.inputs(*(self.world.put(part) for part in (arrays, draws)))

    def end_epoch(self, validation: Validation) -> None:
        """Validate if due; write the epoch's row and, if due, its encoder and pictures. Epoch 0 is before training."""
        settings, recorder = self.settings, self.recorder
        epoch, last = self.state.iteration // self.batches.order.iterations_per_epoch, settings.epochs
        due = epoch % settings.validation_every == 0 or epoch == last
        row = recorder.row(self.optimizer.param_groups[0]["lr"])
        recorder.add_row(row, validation.measure(self.model, self.world, self.autocast) if due else None)
        if self.world.main and epoch in settings.save_encoders_at:
            recorder.save_encoder(epoch, self.model.encoder())
        every = settings.pictures_every
        shown = epoch > 0 and every and (epoch % every == 0 or epoch == last)
        if self.world.main and shown and len(validation.items):
            recorder.draw(epoch, validation.pictures(self.model, self.world, self.autocast))
        recorder.start_clock()

    def save_or_stop(self, signals: StopSignals) -> None:
        """Save a checkpoint if due, at the end, or before stopping; stop if a signal was received."""
        done = self.state.iteration
        damaged = self.inputs is not None and self.inputs.failed
        stop, due, damaged = self.world.any([signals.received is not None, self.checkpoints.due(), damaged])
        if damaged and self.inputs is not None:
            self.world.agree(self.inputs.finish)  # raises the error
        if stop or due or done == self.iterations:
            self.recorder.read()  # raises for a loss that is not finite, before a checkpoint is saved
            self.checkpoints.save(self.state, needed=stop or done == self.iterations)
            self.recorder.start_clock()
        if stop and done < self.iterations:
            what = f"stopped by {signals.received or 'a signal to another process'} after iteration {done}"
            raise MimicError(what, where=self.checkpoints.folder, remedy="run the same command again to resume")

    def not_finite(self, iteration: int, loss: float) -> MimicError:
        """Return the error for a loss that is not finite; list the pairs of its batch in a file."""
        keys, folder = self.batches.keys(iteration), self.checkpoints.folder
        path = folder / f"not-finite-{iteration:08d}.json"
        if self.world.main:
            write_json(path, {"iteration": iteration, "loss": str(loss), "pairs": keys})
        shown = ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")
        return MimicError(
            f"the loss is {loss} at iteration {iteration}",
            where=f"pairs {shown}; all are listed in {path}",
            remedy=f"lower pretrain.base_lr, set pretrain.clip_gradient, or use precision fp32; then delete {folder}",
        )
