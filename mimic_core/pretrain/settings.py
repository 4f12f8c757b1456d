"""Settings of a pretraining run: one block of the config."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mimic_core.kit.errors import MimicError
from mimic_core.kit.schemas import NOTHING
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import AboveZero, BelowOne, Betas, Count, Flag, FullText, InnerShare, NotNegative, Positive
from mimic_core.models import DecoderSettings, ViTSettings, vit_settings

EpochList = Sequence[Positive]


@settings("pretrain")
class PretrainSettings:
    """Pretraining; the defaults are the paper's (section 4.1), on 8 processes."""

    model: FullText = key("the objective: a folder of mimic_core/objectives")
    dataset: FullText = key("the dataset that the run trains on")
    encoder: ViTSettings = key("size of the encoder, by numbers or by name (vit_base)")
    decoder: DecoderSettings = key("size of the decoder", default_factory=DecoderSettings)
    mask_ratio: InnerShare | None = key("share of the patches hidden; null: the objective's own", default=None)
    epochs: Positive = key("passes over the training samples", default=200)
    epoch_pairs: Positive | None = key(
        "pairs that count as an epoch in place of the dataset's own number", default=None, job=True
    )
    warmup_epochs: NotNegative = key("epochs at the start in which the learning rate rises", default=20)
    effective_batch: Positive | None = key(
        "samples a step of the optimizer, over all processes; null: one batch of each process", default=4096
    )
    batch_size: Positive = key(
        "samples a process and step, as many as fit; gradients are accumulated up to effective_batch", default=128
    )
    base_lr: AboveZero = key("learning rate at an effective batch of 256, in proportion beyond", default=1.5e-4)
    final_lr: NotNegative = key("learning rate at the end", default=0.0)
    weight_decay: NotNegative = key("weight decay of AdamW, on matrices only", default=0.05)
    weight_decay_end: NotNegative | None = key(
        "weight decay at the end, with half a cosine on the way; null: it stays", default=None
    )
    betas: Betas = key("betas of AdamW", default=(0.9, 0.95))
    precision: Literal["bf16", "fp16", "fp32"] = key(
        "precision of training: bf16 (fp16 or fp32 where the hardware has none), fp16 with a loss scaler, or fp32",
        default="bf16",
    )
    validation_share: BelowOne = key("share of the units (scenes, videos) held out, at least one; 0: none", default=0.0)
    validation_every: Positive = key("time between two validations", default=5, unit="epochs")
    checkpoint_minutes: AboveZero = key("time between two checkpoints", default=10, unit="minutes", reruns=NOTHING)
    cache_mib: Count = key(
        "memory for decoded images; those of a dataset that does not fit are decoded as they are needed",
        default=2048,
        unit="MiB a process",
        reruns=NOTHING,
    )
    threads: Positive = key("CPU threads of a process", default=2, reruns=NOTHING)
    clip_gradient: AboveZero | None = key("largest gradient norm; null: not clipped", default=None)
    clip_each: Flag = key("clip each parameter's own gradient, instead of all together", default=False)
    keep_checkpoints: Positive = key("how many checkpoints stay, the newest ones", default=2, reruns=NOTHING)
    save_encoders_at: EpochList = key("after these epochs the encoder is saved as well (figure 3a)", default=())
    pictures_every: Count = key(
        "time between two pictures of reconstructions; 0: none are drawn", default=0, unit="epochs", reruns=NOTHING
    )
    compile: Flag = key("compile the model (torch.compile): worth its minutes on GPUs", default=False)
    options: Mapping[str, Any] = key("the objective's own", default_factory=dict)

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> PretrainSettings:
        """Read the config's block; an unknown, missing or impossible key is a :class:`MimicError` that names it."""
        flat = dict(block)
        encoder = dict(flat.get("encoder", {}))
        if "image_size" in encoder:
            raise MimicError("image_size is a key of the run", where="pretrain.encoder.image_size", remedy="move it up")
        if "image_size" in flat:
            encoder["image_size"] = flat.pop("image_size")
        flat["encoder"] = vit_settings(encoder, "pretrain.encoder")
        flat["decoder"] = read_settings(DecoderSettings, flat.get("decoder", {}), "pretrain.decoder")
        return read_settings(cls, flat, "pretrain")

    def to_dict(self) -> dict[str, Any]:
        """The block that :meth:`from_dict` reads, with every default filled in."""
        block = dataclasses.asdict(self)
        block["image_size"] = block["encoder"].pop("image_size")
        return block

    def __post_init__(self) -> None:
        if not self.encoder.class_token or self.encoder.positions != "sincos":
            refuse("encoder", self.encoder, "one with a class token and sin-cos positions, as all objectives have it")
        if max(self.save_encoders_at, default=0) > self.epochs:
            refuse("save_encoders_at", self.save_encoders_at, f"epochs from 1 to {self.epochs}")
        if self.warmup_epochs > self.epochs:
            refuse("warmup_epochs", self.warmup_epochs, "a number from 0 to epochs")


def refuse(name: str, value: object, wanted: str) -> None:
    """Say which key has an impossible value, and what it may be."""
    raise MimicError(f"{name} is {value!r}", where=f"pretrain.{name}", remedy=f"give {wanted}")
