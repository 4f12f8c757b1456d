"""Read and write whole pretraining models, including the decoder. The objective defines what a file holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from mimic_core.foreign import foreign
from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.files import atomic_path
from mimic_core.kit.numeric import is_count
from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.weights import (
    COPY_AGAIN,
    FORMAT,
    HEADER,
    MODEL_HEADER,
    UNREADABLE,
    Checkpoint,
    check_file,
    cpu_weights,
    fitting,
    is_torch,
    open_checkpoint,
    open_torch,
    parse_header,
    read_architecture,
    read_layout,
    read_safetensors,
    timm_facts,
)
from mimic_core.objectives import OBJECTIVES, get_objective
from mimic_core.objectives.base import Blueprint, Objective
from mimic_core.objectives.decoders import no_decoder

Found = tuple[Blueprint, Checkpoint]


def objective_of(model: nn.Module) -> Objective[Any] | None:
    """Return the objective that a model belongs to, or None."""
    every = (get_objective(name) for name in OBJECTIVES)
    return next((objective for objective in every if isinstance(model, objective.models)), None)


def save_model(path: str | Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write a pretraining model atomically; the same model and metadata give the same bytes.

    Args:
        path: the ``.safetensors`` file.
        model: a model that an objective built.
        metadata: JSON values that say where it comes from (model, dataset, epochs, ...).
    """
    header = {"format": FORMAT, **describe(model), "metadata": dict(metadata)}
    with atomic_path(path) as temporary:
        save_file(cpu_weights(model), temporary, {MODEL_HEADER: json.dumps(header, sort_keys=True)})


def describe(model: Any) -> dict[str, Any]:
    """Return kind and sizes of a model for its header; only the kind if :func:`load_model` cannot read it."""
    objective = objective_of(model)
    sizes = objective.describe(model) if objective else None
    if objective is None or sizes is None:
        return {"model": type(model).__name__.lower()}
    return {"model": objective.name, "architecture": dataclasses.asdict(model.settings), **sizes}


def load_model(path: str | Path, *, heads: int | None = None, decoder_heads: int | None = None) -> nn.Module:
    """Load a whole pretraining model; kind and sizes are read from the file.

    Reads ``model.safetensors`` and the checkpoints of our own pretraining runs, and released checkpoints that include
    the decoder. Every parameter must fit. Never runs code from the file.

    Args:
        path: a file in safetensors or ``torch.save`` format, recognised by its first bytes.
        heads: attention heads per block of the encoder, if the file does not say (see :func:`load_pretrained`).
        decoder_heads: attention heads per block of the decoder; by default the released 16 if it is 512 wide.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        MimicError: the file is missing, is of another kind, has no decoder, holds something that could run code or has
            a wrong checksum, or parameters are missing, unexpected, of another shape or not finite.
    """
    path = check_file(path)
    with foreign(UNREADABLE, path, COPY_AGAIN):
        blueprint, found = read_whole(path, heads, decoder_heads)
        fitting(blueprint.build, found.weights, blueprint.blocks, path)
    model = blueprint.build()
    found.finish()
    model.load_state_dict(found.weights)
    return model.eval()


def read_whole(path: Path, heads: int | None, decoder_heads: int | None) -> Found:
    """Return how to build the model of a file, and the model's weights."""
    if is_torch(path):
        opened = open_torch(path)
        stated = stated_heads(opened.content)
        found = open_checkpoint(opened)
        return read_released(found, stated[0] or heads, stated[1] or decoder_heads, opened.content)
    entries, weights = read_safetensors(path)
    if HEADER in entries:
        remedy = "give the model.safetensors beside it; a run that has none must be repeated"
        raise MimicError("this is only an encoder, without a decoder", where=path, remedy=remedy)
    found = Checkpoint(path, weights)
    if MODEL_HEADER not in entries:
        found.facts = timm_facts(path)
        return read_released(found, heads, decoder_heads)
    blueprint = described(entries, path)
    found.check(weights)
    return blueprint, found


def described(entries: Mapping[str, str], path: Path) -> Blueprint:
    """Return how to build the model that the header of one of our files describes."""
    header = parse_header(entries, path, MODEL_HEADER)
    kind = header.get("model")
    if kind not in OBJECTIVES:
        remedy = f"give a model of one of {', '.join(OBJECTIVES)}"
        raise MimicError(f"a model of the kind {shown(kind)} cannot be read", where=path, remedy=remedy)
    return get_objective(kind).described(header, read_architecture(header, path), path)


def stated_heads(content: Any) -> tuple[int | None, int | None]:
    """Return the heads of encoder and decoder that a checkpoint of our own runs states; None if it does not."""
    if not isinstance(content, Mapping) or "identity" not in content:
        return None, None
    blocks = [content["identity"]]
    for name in ("settings", "encoder"):
        blocks.append(blocks[-1].get(name) if isinstance(blocks[-1], dict) else None)
    sizes = (blocks[2], blocks[1].get("decoder") if isinstance(blocks[1], dict) else None)
    encoder, decoder = (size.get("heads") if isinstance(size, dict) else None for size in sizes)
    return encoder if is_count(encoder, 1) else None, decoder if is_count(decoder, 1) else None


def read_released(found: Checkpoint, heads: int | None, decoder_heads: int | None, content: Any = None) -> Found:
    """Return how to build a released model, and its weights under the released names.

    Args:
        found: the file's parameters.
        heads, decoder_heads: see :func:`load_model`.
        content: content of the file, if ``torch.save`` wrote it.
    """
    settings, _ = read_layout(found, heads)
    marks = [(get_objective(name), mark) for name in OBJECTIVES for mark in get_objective(name).marks]
    marked = [one for one in marks if any(name.startswith(one[1]) for name in found.weights)]
    if not marked:
        raise no_decoder(found.path)
    if (found.facts.mean, found.facts.std) != (IMAGENET_MEAN, IMAGENET_STD):
        remedy = "use one that was trained on images normalised by ImageNet's mean and deviation"
        raise MimicError("the model reconstructs images of another mean and deviation", where=found.path, remedy=remedy)
    found.check(found.weights)
    objective, mark = marked[0]
    return objective.released(mark, settings, found, decoder_heads, content), found
