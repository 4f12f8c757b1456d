"""The training loop: the same for every objective, on one process or many.

All draws of an iteration are made for the whole effective batch and then shared out, so the same effective batch
gives the same run however it is divided into processes and accumulation steps; and as they are seeded by the
iteration, a resumed run draws what an undisturbed one would have drawn.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_json
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator, seed_for
from mimic_core.kit.verify import InputCheck, fingerprint
from mimic_core.machine.devices import usable_precision
from mimic_core.machine.run_lock import RunLock
from mimic_core.models.linear import speed_up_linear_layers
from mimic_core.models.weights import save_encoder
from mimic_core.objectives import Request, get_objective
from mimic_core.objectives.pictures import draw_pictures
from mimic_core.pretrain.checkpoint import State, load_checkpoint, newest_sound, save_checkpoint, set_aside
from mimic_core.pretrain.curves import Curves
from mimic_core.pretrain.data import ImageStore, Order, Pairs, split_by_unit
from mimic_core.pretrain.distributed import Processes, accumulate, accumulation_steps
from mimic_core.pretrain.metrics import LOSSES, write_metrics
from mimic_core.pretrain.schedule import clip_gradients, make_optimizer, schedule
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.pretrain.signals import StopSignals
from mimic_core.pretrain.speed import Stopwatch, matrix_rate, peak_memory, training_flops
from mimic_core.pretrain.validation import Validation

log = logging.getLogger("mimic")

SHOWN = 5  # pairs of a batch that an error names
DIVISION = ("effective_batch", "batch_size")  # how a batch is made up; its size is compared by itself
READ_EVERY = 25  # iterations between two looks at the losses, which make a GPU wait

Draws = dict[str, np.ndarray]


class Trainer:
    """One pretraining run.

    Args:
        dataset: the pairs.
        settings: the run's settings.
        seed: the config's seed.
        world: this process among the others.
        checkpoint_dir: where checkpoints lie; a run goes on from the newest.
        metrics_path: the ``metrics.csv`` to write.
        data_hash: names the content of the dataset, so that a checkpoint is not continued on another.
        allow_changed: dotted keys that may differ from an unfinished run's checkpoint.
        inputs: the check of the dataset's shards that goes on meanwhile; training stops where it has failed.

    Attributes:
        model: the model, trained once :meth:`run` has returned.
        state: where the run stands.
    """

    def __init__(
        self,
        dataset: Pairs,
        settings: PretrainSettings,
        seed: int,
        world: Processes,
        checkpoint_dir: Path,
        metrics_path: Path,
        data_hash: str = "",
        allow_changed: Collection[str] = (),
        inputs: InputCheck | None = None,
    ) -> None:
        self.dataset, self.settings, self.seed, self.world = dataset, settings, seed, world
        self.checkpoint_dir, self.metrics_path, self.inputs = checkpoint_dir, metrics_path, inputs
        self.objective = get_objective(settings.model).configured(settings)
        self.patches = settings.encoder.grid**2
        self.effective_batch = settings.effective_batch or world.count * settings.batch_size
        self.accumulation = accumulation_steps(self.effective_batch, world.count, settings.batch_size)
        self.training, self.held_out = split_by_unit(dataset.rows, settings.validation_share, seed)
        samples = len(self.training) * self.objective.samples_per_pair
        matched = settings.epoch_pairs and round(samples * settings.epoch_pairs / len(dataset))  # held out as many
        self.order = Order(samples, self.effective_batch, seed, matched)
        self.iterations = settings.epochs * self.order.iterations_per_epoch

        self.identity = {
            "settings": {key: value for key, value in settings.to_dict().items() if key not in DIVISION},
            "seed": seed,
            "effective_batch": self.effective_batch,
            "data": data_hash,
        }
        self.state = State()
        self.model = self.objective.build(settings)
        self.model.initialise(seed_for(seed, "model"))
        speed_up_linear_layers(self.model.to(world.device))
        self.optimizer = make_optimizer(self.model, settings)
        precision = usable_precision(settings.precision, world.device)
        self.scaler = torch.amp.GradScaler(world.device.type, enabled=precision == torch.float16)
        self.restore(allow_changed)
        self.wrapped = world.wrap(self.model)
        if settings.compile:
            self.wrapped = cast(nn.Module, torch.compile(self.wrapped))
        self.autocast = torch.autocast(world.device.type, precision, enabled=precision != torch.float32)
        self.precision = precision
        self.unread: list[torch.Tensor] = []
        self.clock = time.monotonic()
        self.waiting = Stopwatch()
        self.curves: Curves | None = None
        self.possible = self.sample_flops = 0.0
        self.saved = time.monotonic()

    def restore(self, allow_changed: Collection[str]) -> None:
        """Go on from the newest sound checkpoint, where there is one: in all processes from the same."""
        path = self.world.agree(self.choose_checkpoint)
        content = load_checkpoint(self.checkpoint_dir, self.identity, allow_changed, path) if path else None
        if content is None:
            return
        self.state = content["state"]
        lost = self.lost_encoders() if content["finished"] else []
        if self.world.any([bool(lost)])[0]:
            log.warning("the run starts anew: no checkpoint holds these any more: %s", ", ".join(map(str, lost)))
            self.state = State()
            return
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.scaler.load_state_dict(content["scaler"])
        log.info("going on from iteration %d of %d in %s", self.state.iteration, self.iterations, self.checkpoint_dir)

    def choose_checkpoint(self) -> Path | None:
        """The newest sound checkpoint; damaged ones after it are named and set aside."""
        RunLock(self.checkpoint_dir).refuse_living()
        path, damaged = newest_sound(self.checkpoint_dir)
        set_aside(damaged)
        return path

    def run(self) -> None:
        """Train to the last epoch; write ``metrics.csv`` on the way, and a checkpoint now and then and at the end.

        Raises:
            MimicError: a loss that is not finite, a signal to stop (a checkpoint is left before it is raised), another
                process at work on this run, or a GPU without enough memory.
        """
        if self.state.iteration >= self.iterations:
            return
        lock = RunLock(self.checkpoint_dir) if self.world.main else contextlib.nullcontext()
        try:
            with lock:
                self.work()
        except torch.OutOfMemoryError as error:
            remedy = f"lower pretrain.batch_size (it is {self.settings.batch_size}); effective_batch stays what it is"
            raise MimicError("the GPU has not enough memory", where=str(self.world.device), remedy=remedy) from error

    def work(self) -> None:
        """:meth:`run`, once nothing else is at work on the run."""
        settings = self.settings
        store = ImageStore(self.dataset, settings.encoder.image_size, settings.cache_mib, settings.threads)
        rows = self.dataset.rows.iloc[self.held_out].reset_index(drop=True)
        held_out = self.held_out[rows.sort_values(["source", "unit", "key"]).index.to_numpy()]
        validation = Validation(self.objective, store, held_out, self.patches, settings.batch_size, self.seed)
        try:
            left = self.iterations - self.state.iteration
            if self.world.main:
                if self.state.iteration == 0:
                    self.clear()
                self.curves = Curves(self.metrics_path.parent / "tensorboard", self.state.iteration)
            with StopSignals() as signals, Progress(left, "iterations") as progress:
                self.look_at_device(store)
                if self.state.iteration == 0:
                    self.add_row(validation)
                self.train(store, validation, signals, progress)
        finally:
            store.close()
            if self.curves:
                self.curves.close()

    def clear(self) -> None:
        """Remove what a run of another config left on its way: its pictures, curves and encoders of single epochs."""
        folder = self.metrics_path.parent
        for name in ("pictures", "tensorboard"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for path in folder.glob("encoder-epoch-*.safetensors"):
            path.unlink()

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
            damaged = self.inputs is not None and self.inputs.failed
            stop, due, damaged = self.world.any([signals.received is not None, due, damaged])
            if damaged and self.inputs is not None:
                self.world.agree(self.inputs.finish)  # raises what is wrong
            if stop or due or done == self.iterations:
                self.save(needed=stop or done == self.iterations)
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
            for step in range(self.accumulation):
                start = (step * self.world.count + self.world.rank) * size
                part = {name: values[start : start + size] for name, values in draws.items()}
                request = self.objective.request(samples[start : start + size], part)
                pairs = self.training[request.pairs]
                yield Request(pairs, request.views), self.objective.adapt(part, self.dataset.rows.iloc[pairs[:, 0]])

    def step(self, stream: Iterator[tuple[np.ndarray, Draws]]) -> None:
        """One step of the optimizer over the effective batch."""
        epoch = self.state.iteration / self.order.iterations_per_epoch
        schedule(self.optimizer, epoch, self.settings, self.effective_batch)
        steps = self.accumulation
        total = torch.zeros((), device=self.world.device)
        for index in range(steps):
            with self.waiting.running():
                images, draws = next(stream)
            with accumulate(self.wrapped, last=index == steps - 1):
                with self.autocast:
                    on_device = {name: self.to_device(values) for name, values in draws.items()}
                    inputs = self.objective.inputs(self.to_device(images), on_device)
                    loss = self.wrapped(*inputs)[0] / steps
                self.scaler.scale(loss).backward()
            total += loss.detach()
        self.objective.before_step(self.model, self.state.iteration / self.iterations)
        self.scaler.unscale_(self.optimizer)
        norm = clip_gradients(self.model.parameters(), self.settings)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.unread.append(torch.stack([total, norm]))
        self.state.iteration += 1
        self.objective.after_step(self.model, self.state.iteration / self.iterations)

    def to_device(self, values: np.ndarray) -> torch.Tensor:
        """An array as a tensor where the model is."""
        tensor = torch.from_numpy(values)
        if self.world.device.type == "cuda":
            return tensor.pin_memory().to(self.world.device, non_blocking=True)
        return tensor

    def read_losses(self) -> None:
        """Fetch the losses of the iterations since the last reading, averaged over the processes, and check them."""
        if not self.unread:
            return
        losses, norms = self.world.mean(torch.stack(self.unread)).T.tolist()
        first = self.state.iteration - len(losses)
        for iteration, loss in enumerate(losses, start=first):
            if not np.isfinite(loss):
                raise self.not_finite(iteration, loss)
        self.unread.clear()
        self.state.losses += losses
        self.state.norms += norms
        if self.curves:
            self.curves.add_iterations(first, {"loss": losses, "gradient_norm": norms})
        if first == 0:
            self.state.first_loss = losses[0]
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.state.epoch_seconds += now - self.clock
        self.state.epoch_waited += self.waiting.take()
        self.clock = now

    def not_finite(self, iteration: int, loss: float) -> MimicError:
        """The error for a loss that is not finite, with the pairs it was computed on."""
        samples = self.order.batch(iteration)
        pairs = np.unique(self.training[samples // self.objective.samples_per_pair])
        keys = [str(key) for key in self.dataset.rows["key"].iloc[pairs]]
        path = self.checkpoint_dir / f"not-finite-{iteration:08d}.json"
        if self.world.main:
            write_json(path, {"iteration": iteration, "loss": str(loss), "pairs": keys})
        shown = ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")
        return MimicError(
            f"the loss is {loss} at iteration {iteration}",
            where=f"pairs {shown}, all listed in {path}",
            remedy="lower pretrain.base_lr, set pretrain.clip_gradient, or use precision fp32; then delete "
            f"{self.checkpoint_dir}",
        )

    def look_at_device(self, store: ImageStore) -> None:
        """Count what one sample costs, and measure what the device can do at most."""
        request, draws = next(iter(self.requests()))
        images, part = next(store.stream([(Request(request.pairs[:1], request.views[:1]), draws)]))
        on_device = {name: self.to_device(values[:1]) for name, values in part.items()}
        inputs = self.objective.inputs(self.to_device(images), on_device)
        self.sample_flops = training_flops(self.model, inputs)
        self.possible = matrix_rate(self.world.device, self.precision)

    def end_epoch(self, validation: Validation) -> None:
        """Add the epoch's row and start the next epoch's sums."""
        self.add_row(validation)
        self.state.losses, self.state.norms = [], []
        self.state.epoch_seconds = self.state.epoch_waited = 0.0
        epoch = self.state.iteration // self.order.iterations_per_epoch
        if epoch in self.settings.save_encoders_at and self.world.main:
            self.save_encoder(epoch)
        every = self.settings.pictures_every
        if (
            every
            and (epoch % every == 0 or epoch == self.settings.epochs)
            and len(validation.pairs)
            and self.world.main
        ):
            self.draw(validation, epoch)
        self.clock = time.monotonic()

    def draw(self, validation: Validation, epoch: int) -> None:
        """Leave a picture of what the model paints after this epoch: ``pictures/epoch-0020.png``."""
        columns = validation.pictures(self.model, self.world.device, self.autocast)
        if columns:
            draw_pictures(self.metrics_path.parent / "pictures" / f"epoch-{epoch:04d}.png", columns)

    def save_encoder(self, epoch: int) -> None:
        """Leave the encoder as it is after this epoch beside ``metrics.csv``: ``encoder-epoch-0020.safetensors``."""
        about = {"model": self.settings.model, "dataset": self.settings.dataset, "epoch": epoch}
        path = self.epoch_encoder(epoch)
        save_encoder(path, self.model.encoder(), about)
        self.state.encoders[path.name] = fingerprint(path)

    def epoch_encoder(self, epoch: int) -> Path:
        """File of the encoder of an epoch."""
        return self.metrics_path.with_name(f"encoder-epoch-{epoch:04d}.safetensors")

    def epoch_encoders(self) -> list[Path]:
        """Files of all encoders of single epochs that are asked for."""
        return [self.epoch_encoder(epoch) for epoch in self.settings.save_encoders_at]

    def lost_encoders(self) -> list[Path]:
        """Those of them that are not there, or not as they were written."""
        told = self.state.encoders
        paths = self.epoch_encoders() if self.world.main else []
        return [path for path in paths if not path.is_file() or told.get(path.name, now := fingerprint(path)) != now]

    def add_row(self, validation: Validation) -> None:
        """Validate where it is due, and add a row to ``metrics.csv``."""
        state, settings = self.state, self.settings
        epoch = state.iteration // self.order.iterations_per_epoch
        due = epoch % settings.validation_every == 0 or epoch == settings.epochs
        row: dict[str, Any] = {
            "epoch": epoch,
            "iteration": state.iteration,
            "lr": self.optimizer.param_groups[0]["lr"],
            "loss": None,
            "seconds": state.seconds,
        }
        if state.losses:
            samples = len(state.losses) * self.effective_batch / state.epoch_seconds
            row |= {
                "loss": float(np.mean(state.losses)),
                "gradient_norm": float(np.mean(state.norms)),
                "pairs_per_s": samples / self.objective.samples_per_pair,
                "waiting_share": state.epoch_waited / state.epoch_seconds,
                "memory_mib": peak_memory(self.world.device),
                "mfu": samples * self.sample_flops / (self.world.count * self.possible),
            }
        if due:
            row |= validation.measure(self.model, self.world, self.autocast)
        state.rows.append(row)
        if self.world.main:
            if due:
                found = [f"{name} {row[name]:.4f}" for name in LOSSES if row.get(name) is not None]
                log.info("epoch %d: %s", epoch, ", ".join(found))
            write_metrics(self.metrics_path, state.rows)
            if self.curves:
                self.curves.add_row(row)

    def save(self, *, needed: bool) -> None:
        """Leave a checkpoint; the losses are read first, so that none is kept of a run that has gone wrong.

        Where it cannot be written, the one before it stays; unless this one is ``needed``, training goes on.
        """
        self.read_losses()
        try:
            if self.world.main:
                self.write_checkpoint()
        except OSError as error:
            what = f"the checkpoint of iteration {self.state.iteration} cannot be written ({error.strerror})"
            if needed:
                remedy = "free some space and run the same command again: it goes on from the checkpoint before"
                raise MimicError(what, where=self.checkpoint_dir, remedy=remedy) from error
            log.warning("%s: %s; the one before it stays, and training goes on", self.checkpoint_dir, what)
        self.world.wait()
        self.clock = self.saved = time.monotonic()

    def write_checkpoint(self) -> None:
        """Write where the run stands."""
        content = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        finished = self.state.iteration >= self.iterations
        kept = self.settings.keep_checkpoints
        save_checkpoint(self.checkpoint_dir, self.state, self.identity, content, finished=finished, kept=kept)
