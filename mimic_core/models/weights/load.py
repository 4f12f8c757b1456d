"""From a file, or from nothing, to an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimic_core.errors import MimicError
from mimic_core.models.settings import ViTSettings, vit_settings
from mimic_core.models.vit import Encoder, initialise
from mimic_core.models.weights.layouts import Checkpoint, choose_heads, open_checkpoint, read_layout, timm_facts
from mimic_core.models.weights.ours import HEADER, MODEL_HEADER, architecture, parse_header, read_safetensors
from mimic_core.models.weights.parameters import check_parameters
from mimic_core.models.weights.pickles import read_pickle
from mimic_core.seeding import seed_for

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def load_pretrained(path: str | Path, *, drop_path: float = 0.0, heads: int | None = None) -> Encoder:
    """Read an encoder; its file says which architecture it has.

    Read are our own files (:func:`save_encoder`), checkpoints of MAE and MIMIC, NAVER's CroCo v1 and v2, DINO's, and
    timm's ViTs, the last with or without ``config.json`` beside them (with it, another mean and deviation of the input
    is taken into the weights). Decoders and heads are left out; every other parameter must fit. Nothing in a file is
    run. CroCo v2 was not compared with a released checkpoint.

    Args:
        path: a ``.safetensors``, ``.pth``, ``.pt`` or ``.bin`` file.
        drop_path: stochastic depth at the last block, for fine-tuning.
        heads: attention heads of a block, where the file does not say; by default those of the ViT of this width
            (192: 3, ... 1024: 16, 1280: 16), else one for every 64 channels up to 1024.

    Returns:
        The encoder on the CPU, in evaluation mode. ``prefix_tokens`` says whether a class token comes first.

    Raises:
        MimicError: no file, another kind of file, an unknown layout, something in it that could run code, or parameters
            that are missing, unexpected or of another shape.
    """
    path = check_file(path)
    settings, weights = read_weights(path, heads)
    encoder = Encoder(settings, drop_path)
    check_parameters(encoder.state_dict(), weights, path)
    encoder.load_state_dict(weights)
    return encoder.eval()


def check_file(path: str | Path) -> Path:
    """The path of a file of weights; a :class:`MimicError` where there is none, or one of another kind."""
    path = Path(path)
    if not path.is_file():
        raise MimicError("there is no weights file", where=path, remedy="check the path, or run the pretraining first")
    if path.suffix not in SUFFIXES:
        raise MimicError(
            f"weights in a {path.suffix or 'nameless'!r} file cannot be read",
            where=path,
            remedy=f"give one that ends in {' or '.join(SUFFIXES)}, such as encoder.safetensors of a pretraining run",
        )
    return path


def read_weights(path: Path, heads: int | None) -> tuple[ViTSettings, dict[str, Tensor]]:
    """Architecture and weights, in our names, of a file of any layout."""
    if path.suffix != ".safetensors":
        return read_layout(open_checkpoint(read_pickle(path), path), heads)
    entries, weights = read_safetensors(path)
    if MODEL_HEADER in entries:
        remedy = "give the encoder.safetensors beside it"
        raise MimicError("this is a whole pretraining model, not an encoder", where=path, remedy=remedy)
    if HEADER not in entries:
        return read_layout(Checkpoint(path, weights, timm_facts(path)), heads)
    settings = architecture(parse_header(entries, path), path)
    choose_heads(settings.width, settings.heads, heads, path)
    return settings, weights


def build_encoder(settings: Mapping[str, Any], seed: int, *, drop_path: float = 0.0) -> Encoder:
    """An encoder of random weights, as the released MAE draws them: the floor that pretraining has to beat.

    Args:
        settings: the fields of :class:`ViTSettings`.
        seed: the config's seed; the same seed gives the same weights.
        drop_path: stochastic depth at the last block.
    """
    encoder = Encoder(vit_settings(settings, "encoder"), drop_path)
    initialise(encoder, torch.Generator().manual_seed(seed_for(seed, "encoder")))
    return encoder
