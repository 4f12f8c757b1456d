"""Find the parameters in a checkpoint and strip the prefixes that wrappers added to their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

# keys under which training code stores parameters; a running average takes precedence over the averaged model
PLACES = ("teacher", "state_dict_ema", "model_ema", "model", "state_dict", "module", "student")
DEEPEST = 4  # nested keys
AVERAGES = ("teacher.", "model_ema.", "ema_model.", "ema.")  # prefixes of a running average stored beside a model
# prefixes of DistributedDataParallel, torch.compile, fully sharded training, DINO, Lightning and others
WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.", "backbone.", "encoder.", "model.", "vit.", "net.")


def parameters_in(content: Any) -> Any:
    """Return the part of a checkpoint that holds the parameters: all of it if it has no key of :data:`PLACES`."""
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping):
            break
        place = next((key for key in PLACES if content.get(key) is not None and key in content), None)
        if place is None or isinstance(content[place], Tensor):
            break
        content = content[place]
    return content


def unwrapped(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Return the parameters by their names without wrapper prefixes, and the names that would occur twice.

    Strips repeated prefixes too. This cannot mistake one parameter for another, since all of them must then fit the
    model. If a checkpoint holds a model and its running average, returns the average.
    """
    names = {name: strip_prefixes(name, WRAPPERS) for name in weights}
    average = next((kind for kind in AVERAGES if any(name.startswith(kind) for name in names.values())), None)
    if average is not None:
        names = {old: new for old, new in names.items() if new.startswith(average)}
    names = {old: strip_prefixes(new, (*WRAPPERS, *AVERAGES, "student.")) for old, new in names.items()}
    found: dict[str, Tensor] = {}
    twice = []
    for old, new in names.items():
        if new in found:
            twice.append(new)
        found[new] = weights[old]
    return found, twice


def strip_prefixes(name: str, prefixes: tuple[str, ...]) -> str:
    """Remove all of the leading prefixes from a name."""
    while True:
        inner = next((name[len(prefix) :] for prefix in prefixes if name.startswith(prefix)), name)
        if inner == name:
            return name
        name = inner
