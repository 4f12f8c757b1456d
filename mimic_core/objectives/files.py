"""Whole pretraining models, decoder included, in and out of files: what can paint hidden patches (paper, table 4)."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from mimic_core.foreign import foreign
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path
from mimic_core.kit.settings import is_count, is_number, read_settings, shown
from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.models.weights.facts import naver_options, timm_facts
from mimic_core.models.weights.layouts import Checkpoint, open_checkpoint, read_layout
from mimic_core.models.weights.load import UNREADABLE, check_file, is_torch
from mimic_core.models.weights.ours import (
    FORMAT,
    HEADER,
    MODEL_HEADER,
    architecture,
    cpu_weights,
    parse_header,
    read_safetensors,
)
from mimic_core.models.weights.parameters import fitting
from mimic_core.models.weights.pickles import COPY_AGAIN, open_torch
from mimic_core.objectives.croco.model import CroCo
from mimic_core.objectives.croco.naver import NaverCroCo
from mimic_core.objectives.dino.model import DINO, DINOSettings
from mimic_core.objectives.mae.model import MAE

PretrainingModel = MAE | CroCo | NaverCroCo | DINO

NAVER_DECODER_HEADS = 16  # what NAVER's code takes where ``croco_kwargs`` does not say
MARKS = {  # how the names of a decoder's blocks start -> whose decoder it is
    "decoder_blocks_croco.": CroCo,
    "decoder_blocks.": MAE,
    "dec_blocks.": NaverCroCo,
}


def save_model(path: str | Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write a pretraining model, atomically; the same model and metadata give the same bytes.

    Args:
        path: the ``.safetensors`` file.
        model: what an objective built.
        metadata: JSON values that say where it comes from (model, dataset, epochs, ...).
    """
    header = {"format": FORMAT, **describe(model), "metadata": dict(metadata)}
    with atomic_path(path) as temporary:
        save_file(cpu_weights(model), temporary, {MODEL_HEADER: json.dumps(header, sort_keys=True)})


def describe(model: nn.Module) -> dict[str, Any]:
    """Kind and sizes of a model, for its header; a kind that :func:`load_model` does not read has its name alone."""
    if isinstance(model, DINO):
        sizes: dict[str, Any] = {"options": dataclasses.asdict(model.options), "epochs": model.epochs}
    elif isinstance(model, MAE | CroCo):
        blocks: Any = model.decoder_blocks if isinstance(model, MAE) else model.decoder_blocks_croco
        decoder = DecoderSettings(model.decoder_embed.out_features, len(blocks), blocks[0].attn.num_heads)
        sizes = {"decoder": dataclasses.asdict(decoder), "mask_ratio": model.mask_ratio}
    else:
        return {"model": type(model).__name__.lower()}
    return {"model": type(model).__name__.lower(), "architecture": dataclasses.asdict(model.settings), **sizes}


def load_model(path: str | Path, *, heads: int | None = None, decoder_heads: int | None = None) -> PretrainingModel:
    """Read a whole pretraining model; its file says which one.

    Read are ``model.safetensors`` and the checkpoints of our own pretraining runs, and released checkpoints that kept
    their decoder: MAE's, MIMIC's CroCo, NAVER's CroCo v1. Every parameter must fit. Nothing in a file is run.

    Args:
        path: a safetensors file, or one of ``torch.save``'s; which it is is seen by its first bytes.
        heads: attention heads of an encoder's block, where the file does not say (see :func:`load_pretrained`).
        decoder_heads: those of a decoder's block; by default the released 16 where it is 512 wide.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        MimicError: no file, another kind of file, no decoder in it, something in it that could run code, a
            checksum in it that is not right, or parameters that are missing, unexpected, of another shape or not
            finite.
    """
    path = check_file(path)
    with foreign(UNREADABLE, path, COPY_AGAIN):
        make, found, blocks = read_whole(path, heads, decoder_heads)
        fitting(make, found.weights, blocks, path)
    model = make()
    found.finish()
    model.load_state_dict(found.weights)
    return model.eval()


Found = tuple[Callable[[], PretrainingModel], Checkpoint, int]  # what builds a model, its weights, its blocks


def read_whole(path: Path, heads: int | None, decoder_heads: int | None) -> Found:
    """What builds the model of a file, the model's weights, and how many blocks the file says it has."""
    if is_torch(path):
        opened = open_torch(path)
        stated = stated_heads(opened.content)
        return read_released(open_checkpoint(opened), stated[0] or heads, stated[1] or decoder_heads)
    entries, weights = read_safetensors(path)
    if HEADER in entries:
        remedy = "give the model.safetensors beside it; a run that has none must be made again"
        raise MimicError("this is an encoder alone, without a decoder", where=path, remedy=remedy)
    found = Checkpoint(path, weights)
    if MODEL_HEADER not in entries:
        found.facts = timm_facts(path)
        return read_released(found, heads, decoder_heads)
    make, blocks = described(entries, path)
    found.check(weights)
    return make, found, blocks


def described(entries: Mapping[str, str], path: Path) -> tuple[Callable[[], MAE | CroCo | DINO], int]:
    """What builds the model that the header of a file of ours describes, and how many blocks it has."""
    header = parse_header(entries, path, MODEL_HEADER)
    kind = header.get("model")
    if kind not in ("mae", "croco", "dino"):
        remedy = "known are mae, croco and dino"
        raise MimicError(f"a model of the kind {shown(kind)} cannot be read", where=path, remedy=remedy)
    settings = architecture(header, path)
    if kind == "dino":
        options, epochs = (
            read_settings(DINOSettings, header.get("options", {}), f"{path}: options"),
            header.get("epochs", 1),
        )
        if not is_number(epochs) or epochs <= 0:
            raise MimicError(f"the file says {shown(epochs)} epochs", where=path, remedy=COPY_AGAIN)
        return partial(DINO, settings, options, float(epochs)), 2 * settings.depth
    decoder = read_settings(DecoderSettings, header.get("decoder", {}), f"{path}: decoder")
    ratio = header.get("mask_ratio", 0.75 if kind == "mae" else 0.9)
    if not is_number(ratio) or not 0 <= ratio <= 1:
        raise MimicError(f"the file says a mask_ratio of {shown(ratio)}", where=path, remedy=COPY_AGAIN)
    return partial(MAE if kind == "mae" else CroCo, settings, decoder, float(ratio)), settings.depth + decoder.depth


def stated_heads(content: Any) -> tuple[int | None, int | None]:
    """Heads of encoder and decoder, where a checkpoint says: our own runs' and NAVER's; the latter the decoder's alone.

    The encoder's of NAVER's files are read with the rest of their architecture.
    """
    if not isinstance(content, Mapping):
        return None, None
    if "identity" in content:
        blocks = [content["identity"]]
        for name in ("settings", "encoder"):
            blocks.append(blocks[-1].get(name) if isinstance(blocks[-1], dict) else None)
        sizes = (blocks[2], blocks[1].get("decoder") if isinstance(blocks[1], dict) else None)
        encoder, decoder = (size.get("heads") if isinstance(size, dict) else None for size in sizes)
        return encoder if is_count(encoder, 1) else None, decoder if is_count(decoder, 1) else None
    options = naver_options(content)
    heads = options.get("dec_num_heads", NAVER_DECODER_HEADS) if isinstance(options, dict) else None
    return None, heads if is_count(heads, 1) else None  # where the file does not say, the caller must


def read_released(found: Checkpoint, heads: int | None, decoder_heads: int | None) -> Found:
    """What builds a released model, its weights in its own names, and its blocks.

    Args:
        found: the file's parameters.
        heads, decoder_heads: see :func:`load_model`.
    """
    settings, _ = read_layout(found, heads)
    mark = next((mark for mark in MARKS if any(name.startswith(mark) for name in found.weights)), None)
    if mark is None or "decoder_embed.weight" not in found.weights:
        remedy = "give a checkpoint of the pretraining; those for fine-tuning have lost the decoder"
        raise MimicError("the checkpoint has no decoder", where=found.path, remedy=remedy)
    if (found.facts.mean, found.facts.std) != (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD):
        remedy = "use one that was trained on images normalised by ImageNet's mean and deviation"
        raise MimicError("the model paints images of another mean and deviation", where=found.path, remedy=remedy)
    found.check(found.weights)
    kind = MARKS[mark]
    check_kind(kind, settings, found.path)
    width = first_side(found.weights["decoder_embed.weight"], found.path)
    depth = len({re.split(r"\.", name)[1] for name in found.weights if name.startswith(mark)})
    decoder = DecoderSettings(width, depth, choose_decoder_heads(width, decoder_heads, found.path))
    return partial(kind, settings, decoder), found, settings.depth + decoder.depth


def check_kind(kind: type[MAE | CroCo | NaverCroCo], settings: ViTSettings, path: Path) -> None:
    """Refuse an encoder that models of this kind do not have, such as CroCo v2's."""
    if kind is not NaverCroCo and not settings.class_token:
        what, remedy = "the encoder has no class token", "use a released MAE, or MIMIC's CroCo"
        raise MimicError(what, where=path, remedy=remedy)
    if kind is NaverCroCo and (settings.class_token or settings.positions != "sincos"):
        what = f"the encoder has {settings.positions} positions, and CroCo v1's are sincos"
        raise MimicError(what, where=path, remedy="use NAVER's CroCo v1; the decoder of v2 is not read")


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
