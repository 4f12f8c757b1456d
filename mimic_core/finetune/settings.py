"""Settings of fine-tuning jobs: what all tasks share, and what those of a kind share. A task's own are in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from annotated_types import Len

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import (
    AboveZero,
    BelowOne,
    Betas,
    Count,
    Distinct,
    Flag,
    FullText,
    NotNegative,
    Positive,
    PositiveShare,
)
from mimic_core.models import vit_settings

Mode = Literal["frozen", "whole"]
Part = Literal["train", "val", "test"]
Precision = Literal["bf16", "fp32"]
Seeds = Annotated[Sequence[Count], Len(1), Distinct]
FourWidths = Annotated[Sequence[Positive], Len(4, 4)]
FourBlocks = Annotated[Sequence[Count], Len(4, 4)]
RANDOM = "random"  # the encoder of random weights


def need(condition: bool, what: str, key: str, remedy: str) -> None:
    """Refuse a value of the config's block ``finetune``, naming its key."""
    if not condition:
        raise MimicError(what, where=f"finetune.{key}", remedy=remedy)


@settings("finetune")
class TaskSettings:
    """The settings of anything that is done on a task."""

    task: FullText = key("the task: a file of mimic_core/finetune/tasks", job=True)

    def __post_init__(self) -> None:
        """See that values fit each other; a subclass adds to it."""


@settings("finetune")
class JobSettings(TaskSettings):
    """One fine-tuning job, of any task."""

    mode: Mode = key("frozen: only the head learns; whole: the encoder too", job=True)
    encoder: FullText = key("name of the pretraining run, for the results; random: random weights, the floor", job=True)
    root: FullText | None = key("folder of the dataset; a command line's --data goes before it", default=None, job=True)
    seeds: Seeds = key("one run each: the head, order and augmentation, and a random encoder's weights", default=(0,))
    train_images: Positive | None = key(
        "number of training images, of these drawn anew for every seed (few-shot); null: all", default=None, job=True
    )
    architecture: Mapping[str, Any] = key("size of a random encoder", default_factory=dict, job=True)
    batch_size: Positive = key("images a step", default=64)
    epochs: Positive = key("passes over the training images", default=2000)
    weight_decay: NotNegative = key("weight decay, on matrices only", default=3e-4)
    augment: Flag = key(
        "training images are changed anew in every epoch, as the task does it; off, features of a frozen encoder are"
        " computed once",
        default=False,
    )
    precision: Precision = key("precision of the encoder; bf16 is fp32 where the hardware has none", default="bf16")
    threads: Positive = key("CPU threads of a job; numbers may differ in the last digits between counts", default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        need(len(set(self.seeds)) == len(self.seeds), "a seed is given twice", "seeds", "name each seed once")
        if self.architecture:
            vit_settings(self.architecture, "finetune.architecture")

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Self:
        """Settings from a block of the config.

        Raises:
            MimicError: a key that is unknown or missing, or a value out of range, named.
        """
        return read_settings(cls, block, "finetune")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        raise NotImplementedError

    @property
    def protocol_words(self) -> str:
        """How images are cut out and which epoch is tested, for tables."""
        raise NotImplementedError


@settings("finetune")
class SquareSettings(TaskSettings):
    """Images that become squares."""

    image_size: Positive = key("side of the square input", default=256, unit="pixels")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        return self.image_size, self.image_size


@settings("finetune")
class WarmUpSettings(TaskSettings):
    """A learning rate that rises in a straight line, then falls to 0 along half a cosine."""

    warmup_epochs: NotNegative = key("epochs, of all, in which the learning rate rises", default=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        epochs: int = self.epochs  # type: ignore[attr-defined] # of the job that this is a part of
        fits = self.warmup_epochs < epochs
        need(fits, f"{self.warmup_epochs} warm-up epochs of {epochs}", "warmup_epochs", "use fewer than epochs")


@settings("finetune")
class TunedSettings(JobSettings):
    """A job that may train the encoder too, by AdamW with layer-wise learning rates."""

    learning_rate: AboveZero = key("peak rate of the head", default=1e-4)
    layer_decay: PositiveShare = key("learning rate of a block = that of the block above it x this", default=0.75)
    betas: Betas = key("betas of AdamW", default=(0.9, 0.999))
    drop_path: BelowOne = key("stochastic depth at the encoder's last block, of whole encoders", default=0.0)


@settings("finetune")
class OpenMMLabSettings(TunedSettings):
    """A job that OpenMMLab trains."""

    workers: Count = key("processes that read images beside the training; results do not depend on it", default=0)


@settings("finetune")
class DenseImages(SquareSettings):
    """Which images a dense task has, and how they are cut out."""

    protocol: Literal["squash", "multimae"] = key(
        "squash: images are squashed to a square, zoomed and cropped where they are augmented; multimae: as the"
        " released MultiMAE, the shorter side at image_size and the middle, or a random square where augmented, which"
        " also flips; an epoch's last, smaller batch is left out",
        default="squash",
    )
    splits: Mapping[Part, FullText] = key(
        "files that name the images of a part, by part, below the dataset's folder; without one, the dataset's own",
        default_factory=dict,
    )
    limits: Mapping[Part, Positive] = key("most images of a part, its first, by part", default_factory=dict)

    @property
    def cut_out_words(self) -> str:
        """How images are cut out, for tables."""
        if self.protocol == "multimae":
            return f"shorter side to {self.image_size}, middle square (MultiMAE)"
        return f"squashed to {self.image_size}x{self.image_size}"


@settings("finetune.head")
class HeadSettings:
    """Size of the DPT head; the defaults are the released MultiMAE's."""

    feature: Positive = key("width of the fusion path", default=256)
    layer_dims: FourWidths = key("width of the four levels, the finest first", default=(96, 192, 384, 768))
    hooks: Literal["auto"] | FourBlocks = key(
        "four encoder blocks (0 is the first) whose tokens it takes; auto: evenly spaced, up to the last",
        default="auto",
    )


@settings("finetune")
class DenseSettings(DenseImages, WarmUpSettings, TunedSettings):
    """A job of a dense task; the defaults are the paper's for depth on NYUv2 (appendix D)."""

    head: HeadSettings = key("size of the DPT head", default_factory=HeadSettings)
    validate_every: Positive | None = key(
        "between two tests on the validation images, from the first epoch on; the best of these epochs, or the last, is"
        " tested; null: the last",
        default=None,
        unit="epochs",
    )

    @property
    def protocol_words(self) -> str:
        """How images are cut out and which epoch is tested, for tables."""
        best = f", best of every {self.validate_every} epochs on validation images" if self.validate_every else ""
        return self.cut_out_words + best


@settings("finetune")
class ProbeSettings(SquareSettings, WarmUpSettings, JobSettings):
    """A linear probe; the defaults are the released MAE's, as the paper has them for ImageNet-1K."""

    mode: Literal["frozen"]
    image_size: Positive = 224
    pooling: Literal["auto", "class", "mean"] = key(
        "what the classifier sees: the class token, the mean of the patches, or (auto) the class token where there is"
        " one",
        default="auto",
    )
    base_lr: AboveZero = key("learning rate at a batch of 256, in proportion beyond", default=0.1)
    momentum: BelowOne = key("momentum of LARS", default=0.9)
    encode_batch: Positive = key("images that go through the encoder at once", default=64)
    weight_decay: NotNegative = 0.0
    batch_size: Positive = 16384
    epochs: Positive = 90
    warmup_epochs: NotNegative = 10
    augment: Flag = True

    @property
    def peak_rate(self) -> float:
        """The learning rate after the warm-up."""
        return self.base_lr * self.batch_size / 256
