"""Running a config of OpenMMLab: our seed, our progress, our log, and nothing left behind.

Import it after :func:`mimic_core.finetune.openmmlab.require_openmmlab`.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import random
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings
from torch import nn

from mimic_core.kit.progress import Progress

log = logging.getLogger("mimic")

Curve = list[tuple[int, float]]


class Forward(logging.Handler):
    """Hands records on to the ``mimic`` log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the message under our name."""
        log.log(record.levelno, "%s", record.getMessage())


class Watch(Hook):
    """Shows the progress of training and keeps the mean loss of every epoch.

    Attributes:
        curve: (epoch, counted from 1; mean loss over its images).
    """

    def __init__(self) -> None:
        self.curve: Curve = []
        self.progress: Progress | None = None
        self.total, self.images = 0.0, 0

    def before_train(self, runner: Runner) -> None:
        """Start counting."""
        self.progress = Progress(runner.max_iters, "iterations")

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Count one batch."""
        loss, images = torch.as_tensor((outputs or {})["loss"]).item(), len(data_batch["inputs"])
        self.total, self.images = self.total + loss * images, self.images + images
        if self.progress is not None:
            self.progress.step(note=f"loss {loss:.4f}")

    def after_train_epoch(self, runner: Runner) -> None:
        """Keep the epoch's mean."""
        self.curve.append((runner.epoch + 1, self.total / max(self.images, 1)))
        self.total, self.images = 0.0, 0

    def before_test(self, runner: Runner) -> None:
        """Start counting test batches."""
        self.progress = Progress(len(runner.test_dataloader), "test batches")

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Count one test batch."""
        if self.progress is not None:
            self.progress.step()

    def after_train(self, runner: Runner) -> None:
        """Stop counting."""
        if self.progress is not None:
            self.progress.close()

    after_test = after_train


@contextlib.contextmanager
def global_state_kept() -> Iterator[None]:
    """Give the global generators and OpenCV's threads back as they were: the runner sets them."""
    python, numpy, threads = random.getstate(), np.random.get_state(), cv2.getNumThreads()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        cv2.setNumThreads(threads)


@contextlib.contextmanager
def unwound_at_sigterm() -> Iterator[None]:
    """Let SIGTERM (a scheduler, Snakemake) end the process as an exception, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def quiet_runner(config: Config, seed: int, hooks: list[Hook] | None = None) -> Iterator[Runner]:
    """A runner of ``config`` in a work folder that is removed in any case.

    Args:
        config: is not changed. Its loggers and checkpoints are left out.
        seed: any size; decides all that the runner draws.
        hooks: further hooks.
    """
    import_modules_from_strings(**config.get("custom_imports", {"imports": []}))  # else only files are obeyed
    quiet = copy.deepcopy(config)
    temporary = tempfile.TemporaryDirectory(prefix="mimic-openmmlab-")
    with global_state_kept(), unwound_at_sigterm(), temporary as folder:
        # an experiment of the same second would share its singletons
        quiet.merge_from_dict({"work_dir": folder, "experiment_name": uuid.uuid4().hex, "log_level": "WARNING"})
        quiet.randomness = {"seed": seed % 2**32}
        quiet.default_hooks = dict(quiet.get("default_hooks") or {}) | {"logger": None, "checkpoint": None}
        quiet.visualizer = None
        runner = Runner.from_cfg(quiet)
        for handler in list(runner.logger.handlers):
            handler.close()
        runner.logger.handlers = [Forward(logging.WARNING)]
        for hook in hooks or []:
            runner.register_hook(hook)
        yield runner


@dataclass(frozen=True)
class Trained:
    """What a run gives.

    Attributes:
        model: in evaluation mode.
        curve: see :attr:`Watch.curve`.
        metrics: the config's test metrics after the evaluation; empty where it was not tested.
    """

    model: nn.Module
    curve: Curve
    metrics: list[BaseMetric]


def train(config: Config, seed: int, *, test: bool = False) -> Trained:
    """Train the model of a config, and test it where that is asked for.

    Args:
        config: a complete config for :class:`mmengine.runner.Runner`, with ``train_dataloader``, ``train_cfg`` and
            ``optim_wrapper``; to test, also ``test_dataloader``, ``test_cfg`` and ``test_evaluator``.
        seed: decides order and drop path.
        test: evaluate the trained model on the test data.
    """
    watch = Watch()
    with quiet_runner(config, seed, [watch]) as runner:
        model = runner.train()
        if test:
            runner.test()
        metrics = list(runner.test_evaluator.metrics) if test else []
    return Trained(model.eval(), watch.curve, metrics)
