"""Sizes of decoders in and out of files: what the objectives that paint hidden patches share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.numeric import is_count, is_number
from mimic_core.kit.settings import read_settings
from mimic_core.models import DecoderSettings, MaskedModel
from mimic_core.models.weights import COPY_AGAIN, Checkpoint


def describe_decoder(model: MaskedModel, blocks: nn.ModuleList) -> dict[str, Any]:
    """Size of a model's decoder of these blocks, and the share of patches that it hides: for a file's header."""
    heads: Any = blocks[0].attn
    decoder = DecoderSettings(model.decoder_embed.out_features, len(blocks), heads.num_heads)
    return {"decoder": dataclasses.asdict(decoder), "mask_ratio": model.mask_ratio}


def described_decoder(header: Mapping[str, Any], path: Path, usual_ratio: float) -> tuple[DecoderSettings, float]:
    """What :func:`describe_decoder` has written.

    Raises:
        MimicError: sizes or a share that no model can have.
    """
    decoder = read_settings(DecoderSettings, header.get("decoder", {}), f"{path}: decoder")
    ratio = header.get("mask_ratio", usual_ratio)
    if not is_number(ratio) or not 0 <= ratio <= 1:
        raise MimicError(f"the file says a mask_ratio of {shown(ratio)}", where=path, remedy=COPY_AGAIN)
    return decoder, float(ratio)


def released_decoder(found: Checkpoint, mark: str, heads: int | None) -> DecoderSettings:
    """Size of the decoder of a released checkpoint, by its weights.

    Args:
        found: the checkpoint.
        mark: how the names of the decoder's blocks start.
        heads: attention heads of a block, where they are known; see :func:`choose_decoder_heads`.
    """
    if "decoder_embed.weight" not in found.weights:
        raise no_decoder(found.path)
    width = first_side(found.weights["decoder_embed.weight"], found.path)
    depth = len({name.split(".")[1] for name in found.weights if name.startswith(mark)})
    return DecoderSettings(width, depth, choose_decoder_heads(width, heads, found.path))


def no_decoder(path: Path) -> MimicError:
    """The error of a checkpoint that cannot paint."""
    remedy = "give a checkpoint of the pretraining; those for fine-tuning have lost the decoder"
    return MimicError("the checkpoint has no decoder", where=path, remedy=remedy)


def choose_decoder_heads(width: int, asked: int | None, where: Path) -> int:
    """Heads as the file states them or the caller asks, or as every released decoder of this width has them."""
    usual = DecoderSettings()
    if asked is not None and not is_count(asked, 1):
        what = f"decoder_heads is {shown(asked)}"
        raise MimicError(what, where="decoder_heads", remedy="give a whole number of 1 or more")
    if asked is None and width != usual.width:
        raise MimicError(
            f"the file does not say how many heads the {width} channels of the decoder are divided into",
            where=where,
            remedy="say so: load_model(path, decoder_heads=...)",
        )
    return usual.heads if asked is None else asked


def first_side(weight: Tensor, path: Path) -> int:
    """Outputs of a layer by its matrix."""
    if weight.ndim != 2 or 0 in weight.shape:
        what = f"the size of the decoder shows in decoder_embed.weight, which is {tuple(weight.shape)}"
        raise MimicError(what, where=path, remedy="check that the file is a pretraining model, and whole")
    return weight.shape[0]
