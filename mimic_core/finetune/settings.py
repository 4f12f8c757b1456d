"""Settings of one fine-tuning job: a task, an encoder, frozen or whole, over a list of seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import (
    ABOVE_ZERO,
    BELOW_ONE,
    COUNTS,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVES,
    Bounds,
    check_choice,
    check_numbers,
    read_settings,
)
from mimic_core.models.settings import vit_settings

Mode = Literal["frozen", "whole"]
PARTS = ("train", "val", "test")
RANDOM = "random"  # the encoder of random weights


def need(condition: bool, what: str, key: str, remedy: str) -> None:
    """Refuse a value of the config's block ``finetune``, naming its key."""
    if not condition:
        raise MimicError(what, where=f"finetune.{key}", remedy=remedy)


@dataclass(frozen=True)
class HeadSettings:
    """Size of the DPT head; the defaults are the released MultiMAE's.

    Attributes:
        feature: width of the fusion path.
        layer_dims: width of the four levels, the finest first.
        hooks: four encoder blocks (0 is the first) whose tokens it takes, or ``auto``: evenly spaced, up to the last.
    """

    feature: int = 256
    layer_dims: Sequence[int] = (96, 192, 384, 768)
    hooks: Sequence[int] | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        check_numbers(self, "finetune.head", feature=POSITIVE, layer_dims=POSITIVES)
        need(len(self.layer_dims) == 4, "there are four levels", "head.layer_dims", "give four, the finest first")
        if self.hooks != "auto":
            check_numbers(self, "finetune.head", hooks=COUNTS)
            need(len(self.hooks) == 4, "there are four levels", "head.hooks", "give four blocks, or 'auto'")


def check_parts(given: Mapping[str, Any], key: str, kind: type, meaning: str) -> None:
    """Refuse what is not given by part."""
    need(isinstance(given, Mapping), f"it is {given!r:.80}", key, f"give {meaning} by part, such as {{train: ...}}")
    for part, value in given.items():
        need(part in PARTS, f"there is no part {part!r:.80}", key, f"use {', '.join(PARTS)}")
        fits = type(value) is kind and (not isinstance(value, int) or value > 0)
        need(fits, f"that of {part} is {value!r:.80}", key, f"give {meaning}")


def cut_out_words(protocol: str, size: int) -> str:
    """How a dense task's images are cut out, for tables."""
    if protocol == "multimae":
        return f"shorter side to {size}, middle square (MultiMAE)"
    return f"squashed to {size}x{size}"


@dataclass(frozen=True)
class FinetuneSettings:
    """One fine-tuning job; the defaults are the paper's for NYUv2 depth (appendix D).

    Attributes:
        task: ``depth`` or ``normals``.
        mode: ``frozen`` (only the head learns) or ``whole``.
        encoder: name of the pretraining run, for the results; ``random`` is the floor without pretraining.
        root: folder of the dataset; a command line's ``--data`` goes before it.
        seeds: one run each: head, order and augmentation, and a random encoder's weights.
        splits: files that name the images of a part (``train``, ``val``, ``test``), by part, below the dataset's
            folder; where there is none, the dataset's own.
        limits: most images of a part, its first, by part.
        train_images: number of training images, of these drawn anew for every seed (few-shot); None: all.
        image_size: side of the square input, pixels.
        protocol: ``squash`` (images squashed to a square; zoomed and cropped where they are augmented) or ``multimae``
            (as the released MultiMAE: the shorter side at ``image_size`` and the middle, or a random square where
            augmented, which also flips; an epoch's last, smaller batch is left out).
        architecture: size of a random encoder (see :class:`mimic_core.models.ViTSettings`).
        learning_rate: peak rate of the head; encoder layers take ``layer_decay`` of the next one's.
        weight_decay: AdamW's, on matrices only.
        batch_size, epochs, warmup_epochs: the schedule; warm-up is linear from 1e-6, then cosine to 0.
        drop_path: stochastic depth at the encoder's last block (mode ``whole``).
        augment: colour jitter and random crop, as the protocol has them.
        validate_every: epochs between two tests on the part ``val``, from the first epoch on; the best of these, or the
            last epoch, is tested. None: the last epoch is tested.
        precision: ``bf16`` (autocast; ``fp32`` where the hardware has no bfloat16) or ``fp32``.
        threads: CPU threads; the numbers may differ in the last digits between counts.
    """

    task: str
    mode: Mode
    encoder: str
    root: str | None = None
    seeds: Sequence[int] = (0,)
    splits: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    train_images: int | None = None
    image_size: int = 256
    protocol: Literal["squash", "multimae"] = "squash"
    architecture: Mapping[str, Any] = field(default_factory=dict)
    head: HeadSettings = HeadSettings()
    learning_rate: float = 1e-4
    layer_decay: float = 0.75
    weight_decay: float = 3e-4
    betas: Sequence[float] = (0.9, 0.999)
    batch_size: int = 64
    epochs: int = 2000
    warmup_epochs: float = 100
    drop_path: float = 0.0
    augment: bool = False
    validate_every: int | None = None
    precision: Literal["bf16", "fp32"] = "bf16"
    threads: int = 1

    def __post_init__(self) -> None:
        check_choice(
            self,
            "finetune",
            mode=("frozen", "whole"),
            protocol=("squash", "multimae"),
            precision=("bf16", "fp32"),
            augment=(True, False),
        )
        check_numbers(
            self,
            "finetune",
            **dict.fromkeys(("image_size", "batch_size", "epochs", "threads"), POSITIVE),
            seeds=COUNTS,
            **dict.fromkeys(("train_images", "validate_every"), Bounds(1, whole=True, or_none=True)),
            learning_rate=ABOVE_ZERO,
            layer_decay=Bounds(above=0, most=1),
            weight_decay=NOT_NEGATIVE,
            betas=Bounds(0, below=1, each=True),
            warmup_epochs=NOT_NEGATIVE,
            drop_path=BELOW_ONE,
        )
        check_parts(self.splits, "splits", str, "a file")
        check_parts(self.limits, "limits", int, "a number of images")
        need(len(self.seeds) > 0, "no seed is given", "seeds", "give at least one, such as [0]")
        need(len(set(self.seeds)) == len(self.seeds), "a seed is given twice", "seeds", "name each seed once")
        need(len(self.betas) == 2, "AdamW takes two betas", "betas", "give two, such as [0.9, 0.999]")
        fits = self.warmup_epochs < self.epochs
        need(fits, f"{self.warmup_epochs} warm-up epochs of {self.epochs}", "warmup_epochs", "use fewer than epochs")

    @property
    def protocol_words(self) -> str:
        """How images are cut out and which epoch is tested, for tables."""
        best = f", best of every {self.validate_every} epochs on validation images" if self.validate_every else ""
        return cut_out_words(self.protocol, self.image_size) + best

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> FinetuneSettings:
        """Settings from a block of the config.

        Raises:
            MimicError: a key that is unknown or missing, or a value out of range, named.
        """
        block = dict(block)
        if "head" in block:
            block["head"] = read_settings(HeadSettings, block["head"], "finetune.head")
        made = read_settings(cls, block, "finetune")
        if made.architecture:
            vit_settings(made.architecture, "finetune.architecture")
        return made
