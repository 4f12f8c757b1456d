"""Settings of a pretraining run: the config block ``pretrain``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mimic_core.kit.errors import MimicError
from mimic_core.kit.schemas import NOTHING
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import (
    AboveZero,
    BelowOne,
    Betas,
    Count,
    Flag,
    FullText,
    InnerShare,
    NotNegative,
    Positive,
    Share,
)
from mimic_core.models import DecoderSettings, ViTSettings, vit_settings
from mimic_core.objectives import unused_keys

EpochList = Sequence[Positive]


@settings("pretrain")
class PretrainSettings:
    """Settings of pretraining; the defaults are the paper's (section 4.1), on 8 processes."""

    model: FullText = key("the objective: a folder in mimic_core/objectives")
    dataset: FullText = key("the dataset to train on")
    encoder: ViTSettings = key(
        "size of the vision transformer, as numbers or a name (vit_base)", default_factory=ViTSettings
    )
    decoder: DecoderSettings = key("size of the decoder", default_factory=DecoderSettings)
    mask_ratio: InnerShare | None = key("share of patches to mask; null: the objective's default", default=None)
    epochs: Positive = key("passes over the training samples", default=200)
    epoch_pairs: Positive | None = key(
        "number of pairs that count as an epoch; null: the dataset's number of pairs", default=None, job=True
    )
    warmup_epochs: NotNegative = key("epochs over which the learning rate rises at the start", default=20)
    warmup_start: Share = key("learning rate of the first step, as a share of the one after the warm-up", default=0.0)
    effective_batch: Positive | None = key(
        "samples per optimizer step, over all processes; null: one batch of each process", default=4096
    )
    batch_size: Positive = key(
        "samples per process and forward pass, as many as fit; gradients are accumulated up to effective_batch",
        default=128,
    )
    base_lr: AboveZero = key("learning rate at an effective batch of 256; scaled in proportion", default=1.5e-4)
    final_lr: NotNegative = key("learning rate at the end", default=0.0)
    weight_decay: NotNegative = key("weight decay of AdamW, on matrices only", default=0.05)
    weight_decay_end: NotNegative | None = key(
        "weight decay at the end, reached along half a cosine; null: constant", default=None
    )
    betas: Betas = key("betas of AdamW", default=(0.9, 0.95))
    precision: Literal["bf16", "fp16", "fp32"] = key(
        "training precision: bf16 (fp16 or fp32 if the hardware lacks it), fp16 with a loss scaler, or fp32",
        default="bf16",
    )
    validation_share: BelowOne = key(
        "share of the units (scenes, videos) to hold out, at least one; 0: none", default=0.0
    )
    validation_every: Positive = key("interval between validations", default=5, unit="epochs")
    checkpoint_minutes: AboveZero = key("time between checkpoints", default=10, unit="minutes", reruns=NOTHING)
    cache_mib: Count = key(
        "memory for decoded images; if the dataset does not fit, images are decoded as needed",
        default=2048,
        unit="MiB per process",
        reruns=NOTHING,
    )
    threads: Positive = key("CPU threads per process", default=2, reruns=NOTHING)
    clip_gradient: AboveZero | None = key("maximum gradient norm; null: no clipping", default=None)
    clip_each: Flag = key("clip each parameter's gradient separately instead of jointly", default=False)
    keep_checkpoints: Positive = key("number of newest checkpoints to keep", default=2, reruns=NOTHING)
    save_encoders_at: EpochList = key("epochs after which to save the encoder as well (figure 3a)", default=())
    pictures_every: Count = key(
        "interval between pictures of reconstructions; 0: none", default=0, unit="epochs", reruns=NOTHING
    )
    compile: Flag = key("compile the model (torch.compile); takes minutes, pays off on GPUs", default=False)
    options: Mapping[str, Any] = key("options of the objective", default_factory=dict)

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> PretrainSettings:
        """Read the config block.

        Raises:
            MimicError: a key is unknown, missing or has an invalid value; the key is named.
        """
        flat = dict(block)
        unused = unused_keys(str(flat.get("model")))
        if given := sorted(set(unused) & set(flat)):
            refuse(given[0], flat[given[0]], f"no {given[0]}: {flat['model']} does not read it")
        encoder = dict(flat.get("encoder", {}))
        if "image_size" in encoder:
            raise MimicError(
                "image_size is not a key of the encoder",
                where="pretrain.encoder.image_size",
                remedy="set pretrain.image_size instead",
            )
        if "image_size" in flat:
            encoder["image_size"] = flat.pop("image_size")
        flat["encoder"] = vit_settings(encoder, "pretrain.encoder")
        flat["decoder"] = read_settings(DecoderSettings, flat.get("decoder", {}), "pretrain.decoder")
        return read_settings(cls, flat, "pretrain")

    def to_dict(self) -> dict[str, Any]:
        """Return the block that :meth:`from_dict` reads, with all defaults filled in."""
        block = dataclasses.asdict(self)
        block["image_size"] = block["encoder"].pop("image_size")
        return {key: value for key, value in block.items() if key not in unused_keys(self.model)}

    def __post_init__(self) -> None:
        if not self.encoder.class_token or self.encoder.positions != "sincos":
            refuse("encoder", self.encoder, "one with a class token and sin-cos positions, which all objectives need")
        if max(self.save_encoders_at, default=0) > self.epochs:
            refuse("save_encoders_at", self.save_encoders_at, f"epochs from 1 to {self.epochs}")
        if self.warmup_epochs > self.epochs:
            refuse("warmup_epochs", self.warmup_epochs, "a number from 0 to epochs")


def refuse(name: str, value: object, wanted: str) -> None:
    """Raise the error for a key with an invalid value."""
    raise MimicError(f"{name} is {value!r}", where=f"pretrain.{name}", remedy=f"give {wanted}")
