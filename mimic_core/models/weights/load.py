"""Load encoders from files, or build them with random weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimic_core.foreign import foreign, open_regular
from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import seed_for
from mimic_core.models.settings import ViTSettings, vit_settings
from mimic_core.models.vit import Encoder, initialise
from mimic_core.models.weights.architecture import choose_heads
from mimic_core.models.weights.checkpoint import Checkpoint, open_checkpoint
from mimic_core.models.weights.facts import timm_facts
from mimic_core.models.weights.layouts import read_layout
from mimic_core.models.weights.ours import HEADER, MODEL_HEADER, parse_header, read_architecture, read_safetensors
from mimic_core.models.weights.parameters import fitting
from mimic_core.models.weights.pickles import COPY_AGAIN, open_torch

UNREADABLE = "weights that cannot be read"
SUFFIX = ".safetensors"
TORCH_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9"  # first bytes of files written by torch before 1.6
COMMON = (SUFFIX, ".pth", ".pt", ".bin")  # files with other suffixes are recognised by their content
OTHER_KINDS = (  # first bytes of files often given by mistake, and what they are
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"BZh", "compressed (bzip2)"),
    (b"\xfd7zXZ", "compressed (xz)"),
    (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)"),
    (b"\x89HDF", "an HDF5 file, perhaps from Keras"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"<", "a web page, not the file itself"),
)


def load_pretrained(path: str | Path, *, drop_path: float = 0.0, heads: int | None = None) -> Encoder:
    """Load an encoder; the architecture is read from the file.

    Reads our own files (:func:`save_encoder`), checkpoints of MAE, MIMIC, NAVER's CroCo v1 and v2, and DINO, and timm's
    ViTs with or without their ``config.json`` (if it states another input mean and deviation, these are folded into the
    weights). Ignores decoders and heads; every other parameter must fit. Never runs code from the file. Strips wrapper
    prefixes (``module.``, ``_orig_mod.``, ``model.``, ...) from the names; if a file holds a model and its running
    average, loads the average. CroCo v2 was not compared with a released checkpoint.

    Args:
        path: a file in safetensors or ``torch.save`` format, recognised by its first bytes.
        drop_path: stochastic depth at the last block, for fine-tuning.
        heads: attention heads per block, if the file does not say; by default those of the ViT of this width
            (192: 3, ... 1024: 16, 1280: 16), else one for every 64 channels up to 1024.

    Returns:
        The encoder on the CPU, in evaluation mode. ``prefix_tokens`` says whether a class token comes first.

    Raises:
        MimicError: the file is missing, is of another kind or an unknown layout, holds something that could run code
            or has a wrong checksum, or parameters are missing, unexpected, of another shape or not finite.
    """
    path = check_file(path)
    with foreign(UNREADABLE, path, COPY_AGAIN):
        settings, weights, found = read_weights(path, heads)
        fitting(partial(Encoder, settings), weights, settings.depth, path)
    encoder = Encoder(settings, drop_path)
    found.finish()
    encoder.load_state_dict(weights)
    return encoder.eval()


def check_file(path: str | Path) -> Path:
    """Check that a path looks like a weights file, and return it.

    Raises:
        MimicError: there is no file; it is a folder, pipe or device; or its first bytes show another kind of file.
    """
    path = Path(path)
    if not os.path.lexists(path):
        raise MimicError("there is no weights file", where=path, remedy="check the path, or run the pretraining first")
    with open_regular(path, "a weights file") as stream:
        start = stream.read(64)
    kind = next((kind for begin, kind in OTHER_KINDS if start.startswith(begin)), None)
    if kind is not None and not is_safetensors(start):
        raise MimicError(f"the file is {kind}, not weights", where=path, remedy=f"give {' or '.join(COMMON)}")
    if path.suffix not in COMMON and not (is_safetensors(start) or start.startswith((b"PK", b"\x80"))):
        raise MimicError(
            f"neither the suffix {path.suffix!r} nor the first bytes are those of a weights file",
            where=path,
            remedy=f"give one that ends in {' or '.join(COMMON)}, such as encoder.safetensors of a pretraining run",
        )
    return path


def is_safetensors(start: bytes) -> bool:
    """Return whether the first bytes are those of a safetensors file: the header's length (8 bytes), then JSON."""
    return start[8:9] == b"{"


def is_torch(path: Path) -> bool:
    """Return whether to read a file as torch's, by its first bytes, or by its suffix if these are inconclusive."""
    with open_regular(path, "a weights file") as stream:
        start = stream.read(64)
    by_name = path.suffix != SUFFIX
    return not is_safetensors(start) and (by_name or start.startswith((b"PK\x03\x04", TORCH_LEGACY)))


def read_weights(path: Path, heads: int | None) -> tuple[ViTSettings, dict[str, Tensor], Checkpoint]:
    """Read the architecture and the weights, in our names, of a file in any layout.

    Also returns the checkpoint, whose checksums are still being verified: call its ``finish``.
    """
    if is_torch(path):
        found = open_checkpoint(open_torch(path))
        return *read_layout(found, heads), found
    entries, weights = read_safetensors(path)
    found = Checkpoint(path, weights)
    if MODEL_HEADER in entries:
        remedy = "give the encoder.safetensors beside it"
        raise MimicError("this is a whole pretraining model, not an encoder", where=path, remedy=remedy)
    if HEADER not in entries:
        found.facts = timm_facts(path)
        return *read_layout(found, heads), found
    settings = read_architecture(parse_header(entries, path), path)
    choose_heads(settings.width, settings.heads, heads, path)
    found.check(weights)
    return settings, weights, found


def build_encoder(settings: Mapping[str, Any], seed: int, *, drop_path: float = 0.0) -> Encoder:
    """Build an encoder with random weights, initialised as the released MAE: the baseline for pretraining.

    Args:
        settings: the fields of :class:`ViTSettings`, and optionally ``name``.
        seed: the config's seed; the same seed gives the same weights.
        drop_path: stochastic depth at the last block.
    """
    encoder = Encoder(vit_settings(settings, "encoder"), drop_path)
    initialise(encoder, torch.Generator().manual_seed(seed_for(seed, "encoder")))
    return encoder
