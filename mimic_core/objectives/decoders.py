"""Read and write the sizes of decoders in files, for the objectives that reconstruct masked patches."""

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
    """Return the size of a model's decoder and its mask ratio, for a file's header."""
    heads: Any = blocks[0].attn
    decoder = DecoderSettings(model.decoder_embed.out_features, len(blocks), heads.num_heads)
    return {"decoder": dataclasses.asdict(decoder), "mask_ratio": model.mask_ratio}


def described_decoder(header: Mapping[str, Any], path: Path, usual_ratio: float) -> tuple[DecoderSettings, float]:
    """Read what :func:`describe_decoder` returned back from a header.

    Raises:
        MimicError: the sizes or the mask ratio are invalid.
    """
    decoder = read_settings(DecoderSettings, header.get("decoder", {}), f"{path}: decoder")
    ratio = header.get("mask_ratio", usual_ratio)
    if not is_number(ratio) or not 0 <= ratio <= 1:
        raise MimicError(f"the file states a mask_ratio of {shown(ratio)}", where=path, remedy=COPY_AGAIN)
    return decoder, float(ratio)


def released_decoder(found: Checkpoint, mark: str, heads: int | None) -> DecoderSettings:
    """Infer the size of a released checkpoint's decoder from its weights.

    Args:
        found: the checkpoint.
        mark: prefix of the names of the decoder's blocks.
        heads: attention heads per block, if known; see :func:`choose_decoder_heads`.
    """
    if "decoder_embed.weight" not in found.weights:
        raise no_decoder(found.path)
    width = decoder_width(found.weights["decoder_embed.weight"], found.path)
    depth = len({name.split(".")[1] for name in found.weights if name.startswith(mark)})
    return DecoderSettings(width, depth, choose_decoder_heads(width, heads, found.path))


def no_decoder(path: Path) -> MimicError:
    """Return the error for a checkpoint without a decoder."""
    remedy = "give a pretraining checkpoint; those published for fine-tuning lack the decoder"
    return MimicError("the checkpoint has no decoder", where=path, remedy=remedy)


def choose_decoder_heads(width: int, asked: int | None, where: Path) -> int:
    """Return the heads that the file states or the caller asks for, else those of all released decoders this wide."""
    usual = DecoderSettings()
    if asked is not None and not is_count(asked, 1):
        what = f"decoder_heads is {shown(asked)}"
        raise MimicError(what, where="decoder_heads", remedy="give a whole number of 1 or more")
    if asked is None and width != usual.width:
        raise MimicError(
            f"the file does not say how many heads the {width} channels of the decoder are divided into",
            where=where,
            remedy="give the number: load_model(path, decoder_heads=...)",
        )
    return usual.heads if asked is None else asked


def decoder_width(weight: Tensor, path: Path) -> int:
    """Return the width of the decoder by the weight of its embedding layer."""
    if weight.ndim != 2 or 0 in weight.shape:
        what = f"the size of the decoder cannot be inferred: decoder_embed.weight has the shape {tuple(weight.shape)}"
        raise MimicError(what, where=path, remedy="check that the file is a complete pretraining model")
    return weight.shape[0]
