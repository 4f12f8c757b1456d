"""How a labelled image becomes a model's square input: what is read, what training sees of it, and what a test sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mimic_core.finetune.augment import augment, augment_whole, middle
from mimic_core.finetune.data import Samples
from mimic_core.finetune.tasks.base import DenseTask


@dataclass(frozen=True)
class Protocol:
    """One way to train and test on labelled images.

    Attributes:
        whole: images are read whole, their shorter side at the input size; else squashed to a square.
        augmented: samples as read, a generator, the input size and the task, to what training sees.
        plain: samples as read and the input size, to what a test sees, and training without augmentation.
        drops_last: whether an epoch leaves out its last, smaller batch.
    """

    whole: bool
    augmented: Callable[[Samples, np.random.Generator, int, DenseTask], Samples]
    plain: Callable[[Samples, int], Samples]
    drops_last: bool

    def steps(self, count: int, batch_size: int) -> int:
        """Batches of an epoch of ``count`` images; one where they are fewer than a batch."""
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
        plain=middle,
        drops_last=True,
    ),
}
