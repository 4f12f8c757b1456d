"""Our own file format: safetensors weights with the architecture as JSON in the header."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mimic_core.foreign import foreign, open_regular, parse_json
from mimic_core.kit.errors import MimicError, UnreadableError, shown
from mimic_core.kit.files import atomic_path
from mimic_core.kit.settings import read_settings
from mimic_core.models.settings import ViTSettings
from mimic_core.models.vit import Encoder

HEADER = "mimic_encoder"  # header entry of an encoder; only one, as safetensors does not keep the order of several
MODEL_HEADER = "mimic_model"  # header entry of a whole pretraining model
FORMAT = 1
HEADER_BYTES = 1 << 20  # limit of a safetensors header; that of a ViT-L with its decoder has 50,000


def cpu_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's parameters on the CPU, contiguous, as safetensors needs them."""
    return {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}


def save_encoder(path: str | Path, encoder: Encoder, metadata: Mapping[str, Any]) -> None:
    """Write an encoder atomically; the same encoder and metadata give the same bytes.

    Args:
        path: the ``.safetensors`` file.
        encoder: the encoder to write.
        metadata: JSON values that say where it comes from (model, dataset, epochs, ...).
    """
    header = {
        "format": FORMAT,
        "architecture": dataclasses.asdict(encoder.settings),
        "metadata": dict(metadata),
    }
    with atomic_path(path) as temporary:
        save_file(cpu_weights(encoder), temporary, {HEADER: json.dumps(header, sort_keys=True)})


def check_safetensors(path: str | Path) -> None:
    """Check that a file looks like safetensors, before its header is read.

    Raises:
        MimicError: it is another kind of file, is cut off, or has a header of more than :data:`HEADER_BYTES`.
    """
    with open_regular(path, "a safetensors file") as stream:
        size, start = os.fstat(stream.fileno()).st_size, stream.read(9)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:] != b"{" or length + 8 > size:
        raise not_safetensors(path)
    if length > HEADER_BYTES:
        what = f"the header has {length:,} bytes; the limit is {HEADER_BYTES:,}"
        raise UnreadableError(what, where=path, remedy="copy it again, or make it again")


def not_safetensors(path: str | Path) -> MimicError:
    """Return the error for a file that is not safetensors."""
    remedy = "copy it again; if a pretraining run wrote it, it is damaged: make it again"
    return UnreadableError("this is not a safetensors file, or it is cut off", where=path, remedy=remedy)


def read_safetensors(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read the header entries and the weights of any safetensors file.

    Raises:
        MimicError: it is another kind of file, is cut off, or has a header of more than :data:`HEADER_BYTES`.
    """
    check_safetensors(path)
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return file.metadata() or {}, weights
    except SafetensorError as error:
        raise not_safetensors(path) from error


def read_header(path: str | Path) -> dict[str, Any]:
    """Read the header of an encoder file: ``format``, ``architecture`` and ``metadata``."""
    try:
        with foreign("a header that cannot be read", path):
            check_safetensors(path)
            with safe_open(path, framework="pt") as file:
                entries = file.metadata() or {}
    except UnreadableError as error:
        raise not_ours(path) from error
    return parse_header(entries, path)


def parse_header(entries: Mapping[str, str], path: str | Path, entry: str = HEADER) -> dict[str, Any]:
    """Parse our header among the header entries of a safetensors file."""
    if entry not in entries:
        raise not_ours(path)
    try:
        header = parse_json(entries[entry].encode("utf-8", "surrogatepass"), "a header", path)
    except UnreadableError as error:
        raise not_ours(path) from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        what = f"the file has format {shown(found)}, but this version of MIMIC reads format {FORMAT}"
        raise MimicError(what, where=path, remedy="use the version of MIMIC that wrote it")
    return header


def not_ours(path: str | Path) -> MimicError:
    """Return the error for a file that :func:`save_encoder` did not write."""
    remedy = "give the encoder.safetensors of a pretraining run; if this is one, it is damaged: make it again"
    return MimicError("this is not an encoder that MIMIC wrote", where=path, remedy=remedy)


def read_architecture(header: Mapping[str, Any], path: Path) -> ViTSettings:
    """Read the encoder's settings from the header of one of our files."""
    return read_settings(ViTSettings, header.get("architecture", {}), f"{path}: architecture")
