"""Run OpenMMLab configs with our seeds, progress and log, without leaving files behind.

Import this after :func:`mimic_core.finetune.openmmlab.require_openmmlab`.
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


class ForwardHandler(logging.Handler):
    """Forwards records to the ``mimic`` log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the message to the ``mimic`` log."""
        log.log(record.levelno, "%s", record.getMessage())


class ProgressHook(Hook):
    """Shows the progress of training and keeps the mean loss of every epoch.

    Attributes:
        curve: (epoch, counted from 1; mean loss over its images).
    """

    def __init__(self) -> None:
        self.curve: Curve = []
        self.progress: Progress | None = None
        self.total, self.images = 0.0, 0

    def before_train(self, runner: Runner) -> None:
        """Show progress of training."""
        self.progress = Progress(runner.max_iters, "iterations")

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Add one batch's loss and show progress."""
        loss, images = torch.as_tensor((outputs or {})["loss"]).item(), len(data_batch["inputs"])
        self.total, self.images = self.total + loss * images, self.images + images
        if self.progress is not None:
            self.progress.step(note=f"loss {loss:.4f}")

    def after_train_epoch(self, runner: Runner) -> None:
        """Record the epoch's mean loss."""
        self.curve.append((runner.epoch + 1, self.total / max(self.images, 1)))
        self.total, self.images = 0.0, 0

    def before_test(self, runner: Runner) -> None:
        """Show progress of the test."""
        self.progress = Progress(len(runner.test_dataloader), "test batches")

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Advance the progress by one test batch."""
        if self.progress is not None:
            self.progress.step()

    def after_train(self, runner: Runner) -> None:
        """Close the progress."""
        if self.progress is not None:
            self.progress.close()

    after_test = after_train


@contextlib.contextmanager
def preserve_global_state() -> Iterator[None]:
    """Restore the state of global generators and OpenCV's number of threads, which the runner changes."""
    python, numpy, threads = random.getstate(), np.random.get_state(), cv2.getNumThreads()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        cv2.setNumThreads(threads)


@contextlib.contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Make SIGTERM (from a scheduler or Snakemake) raise SystemExit, so that temporary files are removed."""
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
    """Yield a runner of ``config`` whose temporary work folder is removed afterwards.

    Args:
        config: not modified; its logging and checkpoints are disabled in the runner.
        seed: seed of any size for everything random in the runner.
        hooks: hooks to add.
    """
    # mmengine imports these only for configs that it reads from a file
    import_modules_from_strings(**config.get("custom_imports", {"imports": []}))
    quiet = copy.deepcopy(config)
    temporary = tempfile.TemporaryDirectory(prefix="mimic-openmmlab-")
    with preserve_global_state(), exit_on_sigterm(), temporary as folder:
        # mmengine shares singletons between experiments named in the same second
        quiet.merge_from_dict({"work_dir": folder, "experiment_name": uuid.uuid4().hex, "log_level": "WARNING"})
        quiet.randomness = {"seed": seed % 2**32}
        quiet.default_hooks = dict(quiet.get("default_hooks") or {}) | {"logger": None, "checkpoint": None}
        quiet.visualizer = None
        runner = Runner.from_cfg(quiet)
        for handler in list(runner.logger.handlers):
            handler.close()
        runner.logger.handlers = [ForwardHandler(logging.WARNING)]
        for hook in hooks or []:
            runner.register_hook(hook)
        yield runner


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training run.

    Attributes:
        model: the trained model, in evaluation mode.
        curve: see :attr:`ProgressHook.curve`.
        metrics: the config's test metrics after the evaluation; empty without a test.
    """

    model: nn.Module
    curve: Curve
    metrics: list[BaseMetric]


def train(config: Config, seed: int, *, test: bool = False) -> TrainingResult:
    """Train the model of a config, and optionally test it.

    Args:
        config: a complete config for :class:`mmengine.runner.Runner`, with ``train_dataloader``, ``train_cfg`` and
            ``optim_wrapper``; to test, also ``test_dataloader``, ``test_cfg`` and ``test_evaluator``.
        seed: seed of image order and drop path.
        test: evaluate the trained model on the test data.
    """
    watch = ProgressHook()
    with quiet_runner(config, seed, [watch]) as runner:
        model = runner.train()
        if test:
            runner.test()
        metrics = list(runner.test_evaluator.metrics) if test else []
    return TrainingResult(model.eval(), watch.curve, metrics)
