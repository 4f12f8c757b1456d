"""Settings of semantic segmentation on ADE20K."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mimic_core.finetune.settings import FinetuneSettings, Mode, need
from mimic_core.kit.settings import COUNT, POSITIVE, check_choice, check_numbers, read_settings
from mimic_core.models.settings import vit_settings


@dataclass(frozen=True)
class ConvNeXtSettings:
    """Size of the ConvNeXt head; the defaults are the released MultiMAE's.

    Attributes:
        width: width of a token after its projection.
        predictions: predictions a patch, a square number that divides ``width``.
        depth: number of blocks.
    """

    width: int = 6144
    predictions: int = 16
    depth: int = 4

    def __post_init__(self) -> None:
        check_numbers(self, "finetune.head", width=POSITIVE, predictions=POSITIVE, depth=COUNT)
        side = round(self.predictions**0.5)
        square = side**2 == self.predictions
        need(square, f"{self.predictions} predictions a patch", "head.predictions", "use a square number, such as 16")
        fits = self.width % self.predictions == 0
        need(fits, f"the width is {self.width}", "head.width", f"use a multiple of {self.predictions}")


@dataclass(frozen=True)
class SegmentationSettings:
    """One segmentation job; the defaults are the paper's for ADE20K (appendix D).

    Attributes:
        task: ``segmentation``.
        mode: ``frozen`` (only the head learns) or ``whole``.
        encoder: name of the pretraining run, for the results.
        root: folder of the dataset; a command line's ``--data`` goes before it.
        seeds: one run each: head, order and augmentation, and a random encoder's weights.
        train_images: number of training images, drawn anew for every seed; None: all.
        image_size: side of the square input, pixels.
        protocol: ``slide`` (the shorter side of an image at ``image_size``; a test slides windows over it and is
            measured at the size of the labels) or ``multimae`` (as the released MultiMAE: the longer side at
            ``image_size``, scaled by 0.1 to 2 where it is trained on, padded and cut to a square; a test is one pass
            over the padded square and is measured there).
        architecture: size of a random encoder (see :class:`mimic_core.models.ViTSettings`).
        head: size of the head.
        learning_rate: peak rate of the head; encoder layers take ``layer_decay`` of the next one's.
        weight_decay: AdamW's, on matrices only.
        batch_size, epochs, warmup_epochs: the schedule; warm-up is linear from 1e-6, then cosine to 0.
        drop_path: stochastic depth at the encoder's last block (mode ``whole``).
        augment: random flip, colour jitter and, with ``multimae``, scale.
        precision: ``bf16`` (autocast; ``fp32`` where the hardware has no bfloat16) or ``fp32``.
        threads: CPU threads; the numbers may differ in the last digits between counts.
        workers: processes that read images beside the training; 0: none. The numbers do not depend on it.
    """

    task: str
    mode: Mode
    encoder: str
    root: str | None = None
    seeds: Sequence[int] = (0,)
    train_images: int | None = None
    image_size: int = 512
    protocol: Literal["slide", "multimae"] = "slide"
    architecture: Mapping[str, Any] = field(default_factory=dict)
    head: ConvNeXtSettings = ConvNeXtSettings()
    learning_rate: float = 5e-4
    layer_decay: float = 0.75
    weight_decay: float = 0.05
    betas: Sequence[float] = (0.9, 0.999)
    batch_size: int = 16
    epochs: int = 64
    warmup_epochs: float = 1
    drop_path: float = 0.1
    augment: bool = True
    precision: Literal["bf16", "fp32"] = "bf16"
    threads: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        self.shared()  # the keys that all tasks share are checked there
        need(self.task == "segmentation", f"the task is {self.task!r}", "task", "use 'segmentation'")
        check_numbers(self, "finetune", workers=COUNT)
        check_choice(self, "finetune", protocol=("slide", "multimae"))

    def shared(self) -> FinetuneSettings:
        """The keys that every task has, as the dense tasks keep them."""
        names = {field.name for field in dataclasses.fields(self)} - {"head", "protocol"}
        names &= {field.name for field in dataclasses.fields(FinetuneSettings)}
        return FinetuneSettings(**{name: getattr(self, name) for name in names})

    @property
    def protocol_words(self) -> str:
        """How a test image is cut out and where it is measured, for tables."""
        size = self.image_size
        if self.protocol == "multimae":
            return f"longer side to {size}, padded, one pass, measured there (MultiMAE)"
        return f"shorter side to {size}, sliding windows, measured at the labels' size"

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> SegmentationSettings:
        """Settings from a block of the config.

        Raises:
            MimicError: a key that is unknown or missing, or a value out of range, named.
        """
        block = dict(block)
        if "head" in block:
            block["head"] = read_settings(ConvNeXtSettings, block["head"], "finetune.head")
        made = read_settings(cls, block, "finetune")
        if made.architecture:
            vit_settings(made.architecture, "finetune.architecture")
        return made
