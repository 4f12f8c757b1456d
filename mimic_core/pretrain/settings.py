"""Settings of a pretraining run: one block of the config."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import Bounds, check_choice, is_count, is_number, read_settings
from mimic_core.models.settings import DecoderSettings, ViTSettings, vit_settings

PRECISIONS = ("bf16", "fp16", "fp32")


@dataclasses.dataclass(frozen=True)
class PretrainSettings:
    """The defaults are the paper's (section 4.1), on 8 processes.

    Attributes:
        model: the objective, a name in :data:`mimic_core.objectives.OBJECTIVES`.
        dataset: name of the pair dataset, for receipts.
        encoder: size of the encoder, ``image_size`` included (pixels; a key of its own in the config).
        decoder: size of the decoder.
        mask_ratio: share of the patches hidden; None: the objective's own.
        epochs: passes over the training samples.
        epoch_pairs: pairs that count as an epoch in place of the dataset's own number, so that runs on datasets of
            several sizes take as many iterations; None: its own.
        warmup_epochs: of those, with a rising learning rate.
        effective_batch: samples whose gradients make one step of the optimizer, over all processes; None: one batch of
            each process.
        batch_size: samples a process and step, as many as fit; what is missing to ``effective_batch`` is accumulated.
        base_lr: learning rate at an effective batch of 256.
        final_lr: learning rate at the end.
        weight_decay: of AdamW; none on biases and norms.
        weight_decay_end: at the end, with half a cosine on the way; None: it stays.
        betas: of AdamW.
        precision: ``bf16`` (autocast), ``fp16`` (autocast and a loss scaler) or ``fp32``; without bfloat16 in the
            hardware, ``bf16`` is ``fp16`` on a GPU and ``fp32`` on a processor.
        validation_share: share of the units kept out of training, 0 to below 1.
        validation_every: epochs between two validations.
        checkpoint_minutes: minutes between two checkpoints.
        cache_mib: memory for decoded images; a dataset that does not fit is decoded as it is needed.
        threads: CPU threads, of decoding and of torch.
        clip_gradient: largest gradient norm; None: not clipped.
        clip_each: whether that is the norm of each parameter's own gradient, instead of all together.
        keep_checkpoints: how many checkpoints stay, the newest ones.
        save_encoders_at: epochs after which the encoder is saved as well (figure 3a).
        pictures_every: epochs between two pictures of reconstructions; 0: none.
        compile: whether the model is compiled (``torch.compile``).
        options: the objective's own (:data:`mimic_core.objectives.OBJECTIVES` says whose).
    """

    model: str
    dataset: str
    encoder: ViTSettings
    decoder: DecoderSettings = dataclasses.field(default_factory=DecoderSettings)
    mask_ratio: float | None = None
    epochs: int = 200
    epoch_pairs: int | None = None
    warmup_epochs: float = 20
    effective_batch: int | None = 4096
    batch_size: int = 128
    base_lr: float = 1.5e-4
    final_lr: float = 0.0
    weight_decay: float = 0.05
    weight_decay_end: float | None = None
    betas: Sequence[float] = (0.9, 0.95)
    precision: str = "bf16"
    validation_share: float = 0.0
    validation_every: int = 5
    checkpoint_minutes: float = 10
    cache_mib: int = 2048
    threads: int = 2
    clip_gradient: float | None = None
    clip_each: bool = False
    keep_checkpoints: int = 2
    save_encoders_at: Sequence[int] = ()
    pictures_every: int = 0
    compile: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

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
        check_choice(self, "pretrain", compile=(True, False), clip_each=(True, False))
        if self.precision not in PRECISIONS:
            refuse("precision", self.precision, f"one of {', '.join(PRECISIONS)}")
        for name in ("epochs", "batch_size", "validation_every", "threads", "keep_checkpoints"):
            if not is_count(getattr(self, name), 1):
                refuse(name, getattr(self, name), "a whole number of 1 or more")
        if self.effective_batch is not None and not is_count(self.effective_batch, 1):
            refuse("effective_batch", self.effective_batch, "a whole number of 1 or more, or null")
        if self.epoch_pairs is not None and not is_count(self.epoch_pairs, 1):
            refuse("epoch_pairs", self.epoch_pairs, "a whole number of 1 or more, or null for the dataset's own")
        if not is_count(self.pictures_every, 0):
            refuse("pictures_every", self.pictures_every, "a whole number of 0 or more")
        if not Bounds(1, self.epochs, whole=True, each=True).hold(self.save_encoders_at):
            refuse("save_encoders_at", self.save_encoders_at, f"epochs from 1 to {self.epochs}")
        for name in ("base_lr", "checkpoint_minutes"):
            if not is_number(getattr(self, name)) or getattr(self, name) <= 0:
                refuse(name, getattr(self, name), "a number above 0")
        if self.weight_decay_end is not None and (not is_number(self.weight_decay_end) or self.weight_decay_end < 0):
            refuse("weight_decay_end", self.weight_decay_end, "a number of 0 or more, or null for the same")
        if not Bounds(0, below=1, each=True).hold(self.betas) or len(self.betas) != 2:
            refuse("betas", self.betas, "two numbers from 0 to below 1")
        for name in ("weight_decay", "cache_mib", "final_lr"):
            if not is_number(getattr(self, name)) or getattr(self, name) < 0:
                refuse(name, getattr(self, name), "a number of 0 or more")
        if not is_number(self.warmup_epochs) or not 0 <= self.warmup_epochs <= self.epochs:
            refuse("warmup_epochs", self.warmup_epochs, "a number from 0 to epochs")
        if not is_number(self.validation_share) or not 0 <= self.validation_share < 1:
            refuse("validation_share", self.validation_share, "a number from 0 to below 1")
        if self.mask_ratio is not None and (not is_number(self.mask_ratio) or not 0 < self.mask_ratio < 1):
            refuse("mask_ratio", self.mask_ratio, "a number between 0 and 1, or null for the model's own")
        if self.clip_gradient is not None and (not is_number(self.clip_gradient) or self.clip_gradient <= 0):
            refuse("clip_gradient", self.clip_gradient, "a number above 0, or null for none")


def refuse(name: str, value: object, wanted: str) -> None:
    """Say which key has an impossible value, and what it may be."""
    raise MimicError(f"{name} is {value!r}", where=f"pretrain.{name}", remedy=f"give {wanted}")
