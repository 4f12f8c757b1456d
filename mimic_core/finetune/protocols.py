"""Protocols of dense tasks: how a labelled image becomes a square input in training and in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mimic_core.finetune.augment import augment, augment_whole, centre_crop
from mimic_core.finetune.data import Samples
from mimic_core.finetune.tasks.base import DenseTask


@dataclass(frozen=True)
class Protocol:
    """One way to train and test on labelled images.

    Attributes:
        whole: whether images keep their aspect, with the shorter side at the input size; else they are squashed to a
            square.
        augmented: turns samples as read into training inputs, given a generator, the input size and the task.
        plain: turns samples as read into inputs for tests and for training without augmentation, given the input size.
        drops_last: whether an epoch skips its last, smaller batch.
    """

    whole: bool
    augmented: Callable[[Samples, np.random.Generator, int, DenseTask], Samples]
    plain: Callable[[Samples, int], Samples]
    drops_last: bool

    def steps(self, count: int, batch_size: int) -> int:
        """Number of batches per epoch of ``count`` images, at least one."""
        return max(count // batch_size, 1) if self.drops_last else -(-count // batch_size)


PROTOCOLS = {
    "squash": Protocol(
        whole=False,
        augmented=lambda samples, rng, size, task: augment(samples, rng, task.zoomable),
        plain=lambda samples, size: samples,
        drops_last=False,
    ),
    "multimae": Protocol(
        whole=True,
        augmented=lambda samples, rng, size, task: augment_whole(samples, rng, size, task.mirrored),
        plain=centre_crop,
        drops_last=True,
    ),
}
