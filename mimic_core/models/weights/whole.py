"""Whole pretraining models, decoder included, in and out of files: what can paint hidden patches (paper, table 4)."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from mimic_core.errors import MimicError
from mimic_core.files import atomic_path
from mimic_core.models.croco import CroCo
from mimic_core.models.dino import DINO, DINOSettings
from mimic_core.models.mae import MAE
from mimic_core.models.naver import NaverCroCo
from mimic_core.models.settings import DecoderSettings, ViTSettings
from mimic_core.models.weights.layouts import (
    Checkpoint,
    literal_arguments,
    open_checkpoint,
    read_layout,
    timm_facts,
)
from mimic_core.models.weights.load import check_file
from mimic_core.models.weights.ours import (
    FORMAT,
    HEADER,
    MODEL_HEADER,
    architecture,
    cpu_weights,
    parse_header,
    read_safetensors,
)
from mimic_core.models.weights.parameters import check_parameters
from mimic_core.models.weights.pickles import read_pickle
from mimic_core.settings import read_settings

WholeModel = MAE | CroCo | NaverCroCo | DINO

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
    """Kind and sizes of a model, for its header; a kind that :func:`load_whole` does not read has its name alone."""
    if isinstance(model, DINO):
        sizes: dict[str, Any] = {"options": dataclasses.asdict(model.options), "epochs": model.epochs}
    elif isinstance(model, MAE | CroCo):
        blocks: Any = model.decoder_blocks if isinstance(model, MAE) else model.decoder_blocks_croco
        decoder = DecoderSettings(model.decoder_embed.out_features, len(blocks), blocks[0].attn.num_heads)
        sizes = {"decoder": dataclasses.asdict(decoder), "mask_ratio": model.mask_ratio}
    else:
        return {"model": type(model).__name__.lower()}
    return {"model": type(model).__name__.lower(), "architecture": dataclasses.asdict(model.settings), **sizes}


def load_whole(path: str | Path, *, heads: int | None = None, decoder_heads: int | None = None) -> WholeModel:
    """Read a whole pretraining model; its file says which one.

    Read are ``model.safetensors`` and the checkpoints of our own pretraining runs, and released checkpoints that kept
    their decoder: MAE's, MIMIC's CroCo, NAVER's CroCo v1. Every parameter must fit. Nothing in a file is run.

    Args:
        path: a ``.safetensors``, ``.pth``, ``.pt`` or ``.bin`` file.
        heads: attention heads of an encoder's block, where the file does not say (see :func:`load_pretrained`).
        decoder_heads: those of a decoder's block; by default the released 16 where it is 512 wide.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        MimicError: no file, another kind of file, no decoder in it, something in it that could run code, or parameters
            that are missing, unexpected or of another shape.
    """
    path = check_file(path)
    model: WholeModel
    if path.suffix != ".safetensors":
        content = read_pickle(path)
        stated = stated_heads(content)
        found = open_checkpoint(content, path)
        model, weights = read_released(found, stated[0] or heads, stated[1] or decoder_heads)
    else:
        entries, weights = read_safetensors(path)
        if HEADER in entries:
            remedy = "give the model.safetensors beside it; a run that has none must be made again"
            raise MimicError("this is an encoder alone, without a decoder", where=path, remedy=remedy)
        if MODEL_HEADER in entries:
            model = build(entries, path)
        else:
            model, weights = read_released(Checkpoint(path, weights, timm_facts(path)), heads, decoder_heads)
    check_parameters(model.state_dict(), weights, path)
    model.load_state_dict(weights)
    return model.eval()


def build(entries: Mapping[str, str], path: Path) -> MAE | CroCo | DINO:
    """The model that the header of a file of ours describes, its weights still to come."""
    header = parse_header(entries, path, MODEL_HEADER)
    kind = header.get("model")
    if kind not in ("mae", "croco", "dino"):
        remedy = "known are mae, croco and dino"
        raise MimicError(f"a model of the kind {kind!r} cannot be read", where=path, remedy=remedy)
    settings = architecture(header, path)
    if kind == "dino":
        options = read_settings(DINOSettings, header.get("options", {}), f"{path}: options")
        return DINO(settings, options, float(header.get("epochs", 1)))
    decoder = read_settings(DecoderSettings, header.get("decoder", {}), f"{path}: decoder")
    made = MAE if kind == "mae" else CroCo
    return made(settings, decoder, float(header.get("mask_ratio", 0.75 if kind == "mae" else 0.9)))


def stated_heads(content: Any) -> tuple[int | None, int | None]:
    """Heads of encoder and decoder, where a checkpoint says: our own runs' and NAVER's; the latter the decoder's alone.

    The encoder's of NAVER's files are read with the rest of their architecture.
    """
    if not isinstance(content, Mapping):
        return None, None
    try:
        if "identity" in content:
            ours = content["identity"]["settings"]
            return int(ours["encoder"]["heads"]), int(ours["decoder"]["heads"])
        options: Any = content.get("croco_kwargs")
        call = getattr(content.get("args"), "model", None)
        if options is None and isinstance(call, str) and call.startswith("CroCoNet("):
            options = literal_arguments(call)
        return None, int(options.get("dec_num_heads", NAVER_DECODER_HEADS)) if options else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None, None  # the file does not say, so the caller must


def read_released(
    found: Checkpoint, heads: int | None, decoder_heads: int | None
) -> tuple[MAE | CroCo | NaverCroCo, dict[str, Tensor]]:
    """A released model, and its weights in its own names.

    Args:
        found: the file's parameters.
        heads, decoder_heads: see :func:`load_whole`.
    """
    settings, _ = read_layout(found, heads)
    mark = next((mark for mark in MARKS if any(name.startswith(mark) for name in found.weights)), None)
    if mark is None or "decoder_embed.weight" not in found.weights:
        remedy = "give a checkpoint of the pretraining; those for fine-tuning have lost the decoder"
        raise MimicError("the checkpoint has no decoder", where=found.path, remedy=remedy)
    if (found.facts.mean, found.facts.std) != (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD):
        remedy = "use one that was trained on images normalised by ImageNet's mean and deviation"
        raise MimicError("the model paints images of another mean and deviation", where=found.path, remedy=remedy)
    kind = MARKS[mark]
    check_kind(kind, settings, found.path)
    width = found.weights["decoder_embed.weight"].shape[0]
    depth = len({re.split(r"\.", name)[1] for name in found.weights if name.startswith(mark)})
    decoder = DecoderSettings(width, depth, choose_decoder_heads(width, decoder_heads, found.path))
    return kind(settings, decoder), found.weights


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
    if asked is None and width != usual.width:
        raise MimicError(
            f"the file does not say how many heads the {width} channels of the decoder are divided into",
            where=where,
            remedy="say so: load_whole(path, decoder_heads=...)",
        )
    return usual.heads if asked is None else asked
