"""Encoders in and out of files: the weights as safetensors, the architecture as JSON in the same file's header.

Safetensors hold numbers and text only: reading a file from elsewhere cannot run code.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mimic_core.errors import MimicError
from mimic_core.files import atomic_path
from mimic_core.models.settings import ViTSettings
from mimic_core.models.vit import Encoder, initialise
from mimic_core.seeding import seed_for
from mimic_core.settings import read_settings

HEADER = "mimic_encoder"  # one header entry: safetensors does not keep the order of several
FORMAT = 1

Layout = Callable[[Path], tuple[ViTSettings, dict[str, Tensor]]]


def save_encoder(path: str | Path, encoder: Encoder, metadata: Mapping[str, Any]) -> None:
    """Write an encoder, atomically; the same encoder and metadata give the same bytes.

    Args:
        path: the ``.safetensors`` file.
        encoder: what to write.
        metadata: JSON values that say where it comes from (model, dataset, epochs, ...).
    """
    header = {
        "format": FORMAT,
        "architecture": dataclasses.asdict(encoder.settings),
        "metadata": dict(metadata),
    }
    weights = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(weights, temporary, {HEADER: json.dumps(header, sort_keys=True)})


def load_pretrained(path: str | Path, *, drop_path: float = 0.0) -> Encoder:
    """Read an encoder; its file says which architecture it has.

    Args:
        path: a file written by :func:`save_encoder`.
        drop_path: stochastic depth at the last block, for fine-tuning.

    Returns:
        The encoder on the CPU, in evaluation mode.

    Raises:
        MimicError: no file, another kind of file, or parameters that are missing, unexpected or of another shape.
    """
    path = Path(path)
    if not path.is_file():
        raise MimicError("there is no weights file", where=path, remedy="check the path, or run the pretraining first")
    if path.suffix not in LAYOUTS:
        raise MimicError(
            f"weights in a {path.suffix or 'nameless'!r} file cannot be read",
            where=path,
            remedy=f"give a file that ends in {' or '.join(LAYOUTS)}, such as encoder.safetensors of a pretraining run",
        )
    settings, weights = LAYOUTS[path.suffix](path)
    encoder = Encoder(settings, drop_path)
    check_parameters(encoder.state_dict(), weights, path)
    encoder.load_state_dict(weights)
    return encoder.eval()


def build_encoder(settings: Mapping[str, Any], seed: int, *, drop_path: float = 0.0) -> Encoder:
    """An encoder of random weights, as the released MAE draws them: the floor that pretraining has to beat.

    Args:
        settings: the fields of :class:`ViTSettings`.
        seed: the config's seed; the same seed gives the same weights.
        drop_path: stochastic depth at the last block.
    """
    encoder = Encoder(read_settings(ViTSettings, settings, "encoder"), drop_path)
    initialise(encoder, torch.Generator().manual_seed(seed_for(seed, "encoder")))
    return encoder


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of an encoder file: ``format``, ``architecture`` and ``metadata``."""
    try:
        with safe_open(path, framework="pt") as file:
            entries = file.metadata() or {}
        header = json.loads(entries[HEADER])
    except (SafetensorError, KeyError, ValueError) as error:
        what = "this is not an encoder that MIMIC wrote"
        remedy = "give the encoder.safetensors of a pretraining run; if this is one, it is damaged: make it again"
        raise MimicError(what, where=path, remedy=remedy) from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        what = f"the encoder file has format {found!r}, and this version of MIMIC reads {FORMAT}"
        raise MimicError(what, where=path, remedy="use the version of MIMIC that wrote it")
    return header


def read_ours(path: Path) -> tuple[ViTSettings, dict[str, Tensor]]:
    """Architecture and weights of a file written by :func:`save_encoder`."""
    settings = read_settings(ViTSettings, read_header(path)["architecture"], f"{path}: architecture")
    with safe_open(path, framework="pt") as file:
        return settings, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)


LAYOUTS: dict[str, Layout] = {".safetensors": read_ours}


def check_parameters(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], where: object) -> None:
    """Refuse weights that do not fit a model to the last parameter, naming every one that does not."""
    faults = [f"missing {name}" for name in sorted(expected.keys() - found.keys())]
    faults += [f"unexpected {name}" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        if expected[name].shape != found[name].shape:
            faults.append(f"{name} is {tuple(found[name].shape)} and should be {tuple(expected[name].shape)}")
    if faults:
        raise MimicError(
            f"the weights do not fit the model: {'; '.join(faults)}",
            where=where,
            remedy="use weights of the same architecture",
        )
