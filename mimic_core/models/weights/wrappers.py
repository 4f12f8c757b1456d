"""Parameters in a checkpoint: where they are, and what their names are without what wrapped the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

# in which a training kept its parameters; an average over the training's steps goes before what it is the average of
PLACES = ("teacher", "state_dict_ema", "model_ema", "model", "state_dict", "module", "student")
DEEPEST = 4  # places within places
AVERAGES = ("teacher.", "model_ema.", "ema_model.", "ema.")  # models beside a model, whose place they take
# DistributedDataParallel, torch.compile, fully sharded training, DINO, Lightning and others
WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.", "backbone.", "encoder.", "model.", "vit.", "net.")


def parameters_in(content: Any) -> Any:
    """The part of a checkpoint that holds the parameters: the checkpoint itself where it has none of :data:`PLACES`."""
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping):
            break
        place = next((key for key in PLACES if content.get(key) is not None and key in content), None)
        if place is None or isinstance(content[place], Tensor):
            break
        content = content[place]
    return content


def unwrapped(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Parameters by their names without wrappers, and the names that would be there twice.

    Wrappers are taken off every name as often as they stand before it: all parameters must fit the model afterwards,
    so that none is taken for another. Of a model and its running average in one checkpoint, the average is taken.
    """
    names = {name: stripped(name, WRAPPERS) for name in weights}
    average = next((kind for kind in AVERAGES if any(name.startswith(kind) for name in names.values())), None)
    if average is not None:
        names = {old: new for old, new in names.items() if new.startswith(average)}
    names = {old: stripped(new, (*WRAPPERS, *AVERAGES, "student.")) for old, new in names.items()}
    found: dict[str, Tensor] = {}
    twice = []
    for old, new in names.items():
        if new in found:
            twice.append(new)
        found[new] = weights[old]
    return found, twice


def stripped(name: str, wrappers: tuple[str, ...]) -> str:
    """A name without the wrappers before it."""
    while True:
        inner = next((name[len(wrapper) :] for wrapper in wrappers if name.startswith(wrapper)), name)
        if inner == name:
            return name
        name = inner
