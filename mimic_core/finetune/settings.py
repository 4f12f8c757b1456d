"""Settings of fine-tuning jobs that several tasks share; settings of a single task are in that task's file."""

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
RANDOM = "random"  # name of the encoder with random weights


def check(condition: bool, what: str, key: str, remedy: str) -> None:
    """Raise an error that names the config key ``finetune.<key>`` unless ``condition`` holds."""
    if not condition:
        raise MimicError(what, where=f"finetune.{key}", remedy=remedy)


@settings("finetune")
class TaskSettings:
    """Settings of any job on a task."""

    task: FullText = key("name of a task in mimic_core/finetune/tasks", job=True)

    def __post_init__(self) -> None:
        """Check that the values fit together; subclasses extend this."""


@settings("finetune")
class JobSettings(TaskSettings):
    """Settings of a fine-tuning job, for any task."""

    mode: Mode = key("frozen: only the head is trained; whole: the encoder too", job=True)
    encoder: FullText = key(
        "name of the pretraining run, for the results; random: random weights, as a baseline", job=True
    )
    root: FullText | None = key(
        "folder of the dataset; --data on the command line overrides it", default=None, job=True
    )
    seeds: Seeds = key(
        "one run per seed, which decides a new head's or encoder's weights, image order and augmentation",
        default=(0,),
    )
    train_images: Positive | None = key(
        "number of training images, drawn separately for every seed (few-shot); null: all", default=None, job=True
    )
    architecture: Mapping[str, Any] = key("architecture of a random encoder", default_factory=dict, job=True)
    batch_size: Positive = key("images per step", default=64)
    epochs: Positive = key("passes over the training images", default=2000)
    weight_decay: NotNegative = key("weight decay, of matrices only", default=3e-4)
    augment: Flag = key(
        "augment the training images anew in every epoch, as the task defines it; if off, the features of a frozen"
        " encoder are computed once",
        default=False,
    )
    precision: Precision = key(
        "precision of the encoder; bf16 falls back to fp32 on hardware without it", default="bf16"
    )
    threads: Positive = key("CPU threads of a job; their number may change the last digits of results", default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        check(len(set(self.seeds)) == len(self.seeds), "a seed is given twice", "seeds", "name each seed once")
        if self.architecture:
            vit_settings(self.architecture, "finetune.architecture")

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Self:
        """Read the settings from a config block.

        Raises:
            MimicError: a key is unknown or missing, or a value is out of range.
        """
        return read_settings(cls, block, "finetune")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        raise NotImplementedError

    @property
    def protocol_description(self) -> str:
        """How images are cropped and which epoch is tested, for tables."""
        raise NotImplementedError


@settings("finetune")
class SquareSettings(TaskSettings):
    """Settings of a job on square inputs."""

    image_size: Positive = key("side of the square input", default=256, unit="pixels")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        return self.image_size, self.image_size


@settings("finetune")
class WarmUpSettings(TaskSettings):
    """Settings of a learning rate with linear warm-up, then cosine decay to 0."""

    warmup_epochs: NotNegative = key("epochs of linear learning rate warm-up, included in epochs", default=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        epochs: int = self.epochs  # type: ignore[attr-defined] # from the job settings
        fits = self.warmup_epochs < epochs
        check(fits, f"{self.warmup_epochs} warm-up epochs of {epochs}", "warmup_epochs", "use fewer than epochs")


@settings("finetune")
class TunedSettings(JobSettings):
    """Settings of a job that may train the encoder too, with AdamW and layer-wise learning rates."""

    learning_rate: AboveZero = key("peak learning rate of the head", default=1e-4)
    layer_decay: PositiveShare = key("ratio of a block's learning rate to that of the next block", default=0.75)
    betas: Betas = key("betas of AdamW", default=(0.9, 0.999))
    drop_path: BelowOne = key("stochastic depth rate at the last block of an encoder that is trained", default=0.0)


@settings("finetune")
class OpenMMLabSettings(TunedSettings):
    """Settings of a job that OpenMMLab trains."""

    workers: Count = key("processes that load images; results do not depend on their number", default=0)


@settings("finetune")
class DenseImages(SquareSettings):
    """Settings of the images of a dense task: which ones, and how they are cropped."""

    protocol: Literal["squash", "multimae"] = key(
        "squash: images are squashed to a square, and augmentation zooms and crops them; multimae: as in the released"
        " MultiMAE, the shorter side is resized to image_size and the centre square is taken, or with augmentation a"
        " random square, flipped at random; the last, smaller batch of an epoch is left out",
        default="squash",
    )
    splits: Mapping[Part, FullText] = key(
        "split file of each part (train, val, test), relative to the dataset's folder; without one, the dataset's own",
        default_factory=dict,
    )
    limits: Mapping[Part, Positive] = key(
        "maximum number of images of each part; the first ones are used", default_factory=dict
    )

    @property
    def crop_description(self) -> str:
        """How images are cropped, for tables."""
        if self.protocol == "multimae":
            return f"shorter side to {self.image_size}, middle square (MultiMAE)"
        return f"squashed to {self.image_size}x{self.image_size}"


@settings("finetune.head")
class HeadSettings:
    """Size of the DPT head; the defaults are the released MultiMAE's."""

    feature: Positive = key("width of the fusion path", default=256)
    layer_dims: FourWidths = key("widths of the four levels, the finest first", default=(96, 192, 384, 768))
    hooks: Literal["auto"] | FourBlocks = key(
        "four encoder blocks (0 is the first) whose tokens the head takes; auto: evenly spaced, up to the last",
        default="auto",
    )


@settings("finetune")
class DenseSettings(DenseImages, WarmUpSettings, TunedSettings):
    """Settings of a dense task; the defaults are the paper's for depth on NYUv2 (appendix D)."""

    head: HeadSettings = key("size of the DPT head", default_factory=HeadSettings)
    validate_every: Positive | None = key(
        "interval of evaluations on the validation images, from the first epoch on and after the last; the best of"
        " these epochs is tested; null: the last epoch is tested",
        default=None,
        unit="epochs",
    )

    @property
    def protocol_description(self) -> str:
        """How images are cropped and which epoch is tested, for tables."""
        best = f", best of every {self.validate_every} epochs on validation images" if self.validate_every else ""
        return self.crop_description + best


@settings("finetune")
class ProbeSettings(SquareSettings, WarmUpSettings, JobSettings):
    """Settings of a linear probe; the defaults are the released MAE's, which the paper uses on ImageNet-1K."""

    mode: Literal["frozen"]
    image_size: Positive = 224
    pooling: Literal["auto", "class", "mean"] = key(
        "input of the classifier: the class token, the mean of the patch tokens, or (auto) the class token if there is"
        " one, else the mean",
        default="auto",
    )
    base_lr: AboveZero = key("learning rate for a batch of 256, scaled linearly with batch_size", default=0.1)
    momentum: BelowOne = key("momentum of LARS", default=0.9)
    encode_batch: Positive = key("images that are encoded at once", default=64)
    weight_decay: NotNegative = 0.0
    batch_size: Positive = 16384
    epochs: Positive = 90
    warmup_epochs: NotNegative = 10
    augment: Flag = True

    @property
    def peak_rate(self) -> float:
        """The learning rate after the warm-up."""
        return self.base_lr * self.batch_size / 256
