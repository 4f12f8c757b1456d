"""Settings of linear probing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mimic_core.finetune.layouts.imagenet import CROP
from mimic_core.finetune.settings import FinetuneSettings, Mode, need
from mimic_core.kit.settings import ABOVE_ZERO, BELOW_ONE, POSITIVE, check_choice, check_numbers, read_settings
from mimic_core.models.settings import vit_settings


@dataclass(frozen=True)
class ProbeSettings:
    """One linear probe; the defaults are the paper's for ImageNet-1K, which are the released MAE's.

    Attributes:
        task: ``classification``.
        mode: ``frozen``: a probe leaves the encoder as it is.
        encoder: name of the pretraining run, for the results.
        root: folder of the dataset; a command line's ``--data`` goes before it.
        seeds: one run each: the classifier, order and augmentation, and a random encoder's weights.
        train_images: number of training images, drawn anew for every seed; None: all.
        image_size: side of the square input, pixels.
        architecture: size of a random encoder (see :class:`mimic_core.models.ViTSettings`).
        pooling: what the classifier sees: the ``class`` token, the ``mean`` of the patches, or ``auto``: the class
            token where there is one.
        base_lr: rate at a batch of 256; the peak rate is ``base_lr * batch_size / 256``.
        momentum: of LARS.
        batch_size: features that make one step; images go through the encoder ``encode_batch`` at a time.
        epochs, warmup_epochs: the schedule; warm-up is linear, then cosine to 0.
        augment: a random part of each image, and a random flip, anew in every epoch; off, each image is encoded once
            and its features are kept.
        encode_batch: images that go through the encoder at once.
        precision: of the encoder: ``bf16`` (autocast; ``fp32`` where the hardware has no bfloat16) or ``fp32``;
            the classifier learns in float32.
        threads: CPU threads of torch, and as many that read images.
    """

    task: str
    mode: Mode
    encoder: str
    root: str | None = None
    seeds: Sequence[int] = (0,)
    train_images: int | None = None
    image_size: int = 224
    architecture: Mapping[str, Any] = field(default_factory=dict)
    pooling: Literal["auto", "class", "mean"] = "auto"
    base_lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    batch_size: int = 16384
    epochs: int = 90
    warmup_epochs: float = 10
    augment: bool = True
    encode_batch: int = 64
    precision: Literal["bf16", "fp32"] = "bf16"
    threads: int = 1

    def __post_init__(self) -> None:
        names = {field.name for field in dataclasses.fields(self)}
        names &= {field.name for field in dataclasses.fields(FinetuneSettings)}
        FinetuneSettings(**{name: getattr(self, name) for name in names})  # checks the keys that all tasks share
        need(self.task == "classification", f"the task is {self.task!r}", "task", "use 'classification'")
        frozen = self.mode == "frozen"
        need(frozen, f"a linear probe is frozen, not {self.mode}", "tasks.classification.modes", "use ['frozen']")
        check_choice(self, "finetune", pooling=("auto", "class", "mean"))
        check_numbers(self, "finetune", base_lr=ABOVE_ZERO, momentum=BELOW_ONE, encode_batch=POSITIVE)

    @property
    def peak_rate(self) -> float:
        """The learning rate after the warm-up."""
        return self.base_lr * self.batch_size / 256

    @property
    def protocol_words(self) -> str:
        """How test images are cut out and which epoch is tested, for tables."""
        size = self.image_size
        return f"shorter side to {round(size / CROP)}, middle {size}x{size}, last of {self.epochs} epochs"

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> ProbeSettings:
        """Settings from a block of the config.

        Raises:
            MimicError: a key that is unknown or missing, or a value out of range, named.
        """
        made = read_settings(cls, block, "finetune")
        if made.architecture:
            vit_settings(made.architecture, "finetune.architecture")
        return made
