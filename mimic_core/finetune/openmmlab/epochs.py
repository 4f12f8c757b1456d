"""Augmentation that seed, epoch and sample decide. Importing this module registers the hook that tells the epoch."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mimic_core.kit.seeding import seed_for


class SeededDataset(BaseDataset):
    """Augments every sample by a seed of its own in every epoch, whatever the number of workers.

    Attributes:
        seed: the repetition's.
        epoch: set by :class:`EpochOfData`.
    """

    seed: int = 0
    epoch: int = 0

    def prepare_data(self, idx: int) -> Any:
        """A sample through the pipeline, whose transforms draw from the global generators."""
        if not self.test_mode:
            seed = seed_for(self.seed, "augment", self.epoch, idx) % 2**32
            random.seed(seed)
            np.random.seed(seed)
        return super().prepare_data(idx)


@HOOKS.register_module()  # the root registry: those of mmseg and mmpose fall back to it
class EpochOfData(Hook):
    """Tells the training set which epoch it is. Workers start anew every epoch (no ``persistent_workers``)."""

    def before_train_epoch(self, runner: Runner) -> None:
        """Set ``epoch``."""
        runner.train_dataloader.dataset.epoch = runner.epoch
