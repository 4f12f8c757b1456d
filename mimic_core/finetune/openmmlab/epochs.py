"""Augmentation seeded by seed, epoch and sample. Importing this module registers the hook that sets the epoch."""

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
    """Seeds the augmentation of every sample in every epoch, so that it does not depend on the number of workers.

    Attributes:
        seed: seed of the repetition.
        epoch: current epoch, set by :class:`EpochOfData`.
    """

    seed: int = 0
    epoch: int = 0

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a sample, seeding the global generators that its transforms draw from."""
        if not self.test_mode:
            seed = seed_for(self.seed, "augment", self.epoch, idx) % 2**32
            random.seed(seed)
            np.random.seed(seed)
        return super().prepare_data(idx)


@HOOKS.register_module()  # the root registry: those of mmseg and mmpose fall back to it
class EpochOfData(Hook):
    """Sets the epoch of the training set; workers see it as they restart every epoch (no ``persistent_workers``)."""

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the dataset's epoch."""
        runner.train_dataloader.dataset.epoch = runner.epoch
