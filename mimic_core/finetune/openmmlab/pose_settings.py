"""Settings of human pose estimation on COCO."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

from mimic_core.finetune.settings import FinetuneSettings, Mode, need
from mimic_core.kit.settings import ABOVE_ZERO, COUNT, POSITIVE, POSITIVES, check_choice, check_numbers, read_settings
from mimic_core.models.settings import vit_settings


@dataclass(frozen=True)
class PoseSettings:
    """One pose job; the defaults are the paper's (appendix D) and, where it is silent, ViTPose's (Xu et al., 2022).

    Attributes:
        task: ``pose``.
        mode: ``frozen`` (only the head learns) or ``whole``.
        encoder: name of the pretraining run, for the results.
        root: folder of the dataset; a command line's ``--data`` goes before it.
        seeds: one run each: head, order and augmentation, and a random encoder's weights.
        train_images: number of training people, drawn anew for every seed; None: all.
        image_size: the cut-out around a person, pixels: its side, or [height, width].
        architecture: size of a random encoder (see :class:`mimic_core.models.ViTSettings`).
        deconv_channels: width of the head's two deconvolutions.
        codec: heatmaps of ``udp`` (unbiased data processing) or ``msra`` (unbiased decoding).
        sigma: of a joint's Gaussian, pixels of the heatmap.
        flip_test: whether a test averages over the image and its mirror image.
        boxes: file of a detector's boxes of the test images (COCO's result format); None: the true boxes.
        learning_rate: peak rate of the head; encoder layers take ``layer_decay`` of the next one's.
        weight_decay: AdamW's, on matrices only.
        batch_size, epochs: the schedule, with ``warmup_iterations`` of a rate that grows from a thousandth, and a tenth
            of the rate from each of the epochs ``milestones`` on.
        clip_gradient: largest gradient norm.
        drop_path: stochastic depth at the encoder's last block (mode ``whole``).
        augment: flip, half body, shift, scale and rotation.
        precision: of the encoder: ``bf16`` (autocast; ``fp32`` where the hardware has no bfloat16) or ``fp32``.
        threads: CPU threads; the numbers may differ in the last digits between counts.
        workers: processes that read images beside the training; 0: none. The numbers do not depend on it.
    """

    task: str
    mode: Mode
    encoder: str
    root: str | None = None
    seeds: Sequence[int] = (0,)
    train_images: int | None = None
    image_size: int | Sequence[int] = (256, 192)
    architecture: Mapping[str, Any] = field(default_factory=dict)
    deconv_channels: int = 256
    codec: Literal["udp", "msra"] = "udp"
    sigma: float = 2.0
    flip_test: bool = True
    boxes: str | None = None
    learning_rate: float = 5e-4
    layer_decay: float = 0.75
    weight_decay: float = 0.1
    betas: Sequence[float] = (0.9, 0.999)
    batch_size: int = 512
    epochs: int = 210
    warmup_iterations: int = 500
    milestones: Sequence[int] = (170, 200)
    clip_gradient: float = 1.0
    drop_path: float = 0.3
    augment: bool = True
    precision: Literal["bf16", "fp32"] = "bf16"
    threads: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        names = {field.name for field in dataclasses.fields(self)} - {"image_size"}
        names &= {field.name for field in dataclasses.fields(FinetuneSettings)}
        FinetuneSettings(
            **{name: getattr(self, name) for name in names}, warmup_epochs=0
        )  # checks what all tasks share
        need(self.task == "pose", f"the task is {self.task!r}", "task", "use 'pose'")
        check_numbers(self, "finetune", image_size=POSITIVE if isinstance(self.image_size, int) else POSITIVES)
        fits = isinstance(self.image_size, int) or len(self.image_size) in (1, 2)
        need(fits, f"the size is {self.image_size}", "image_size", "give a side, or [height, width]")
        check_choice(self, "finetune", codec=("udp", "msra"), flip_test=(True, False))
        check_numbers(self, "finetune", deconv_channels=POSITIVE, sigma=ABOVE_ZERO, clip_gradient=ABOVE_ZERO)
        check_numbers(self, "finetune", warmup_iterations=COUNT, workers=COUNT, milestones=POSITIVES)
        rising = list(self.milestones) == sorted(set(self.milestones))
        need(rising, f"the milestones are {list(self.milestones)}", "milestones", "give epochs in ascending order")

    @property
    def protocol_words(self) -> str:
        """Which boxes people are cut out by and how large they are, for tables."""
        boxes = "the true boxes" if self.boxes is None else f"a detector's boxes ({PurePath(self.boxes).name})"
        return f"{boxes}, {self.size[0]}x{self.size[1]}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        if isinstance(self.image_size, int):
            return self.image_size, self.image_size
        sides = list(self.image_size)
        return sides[0], sides[-1]

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> PoseSettings:
        """Settings from a block of the config.

        Raises:
            MimicError: a key that is unknown or missing, or a value out of range, named.
        """
        made = read_settings(cls, block, "finetune")
        if made.architecture:
            vit_settings(made.architecture, "finetune.architecture")
        return made
