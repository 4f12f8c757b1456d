"""Source adapters by file name. To add one, put a file with a subclass of ``Source`` in this package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.sources.base import Source, Unit, check_unique, in_shard, name_below, natural
from mimic_core.sources.content import format_counts, passed_over
from mimic_core.sources.registry import ACCESS, PAPER_DATASETS, Entry, read_registry

_NOT_ADAPTERS = frozenset(["base", "content", "held_out", "inventory", "listing", "many", "registry", "walking"])


class Adapters(Mapping[str, type[Source]]):
    """Mapping from adapter name to the one ``Source`` that its file defines; files are imported on access."""

    def __iter__(self) -> Iterator[str]:
        return (module.name for module in iter_modules(__path__) if module.name not in _NOT_ADAPTERS)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> type[Source]:
        if name not in list(self):
            raise KeyError(name)
        module = import_module(f"{__name__}.{name}")
        own = [value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]
        found = [value for value in own if isinstance(value, type) and issubclass(value, Source)]
        if len(found) != 1:
            raise MimicError(
                f"an adapter file must define one source; this one defines {len(found)} sources",
                where=module.__file__,
                remedy="define exactly one subclass of Source in it",
            )
        return found[0]


ADAPTERS = Adapters()


def open_source(adapter: str, options: Mapping[str, Any] | None = None) -> Source:
    """Create an adapter by name.

    Args:
        options: its settings, from the config key ``sources.<name>.options``.

    Raises:
        MimicError: the adapter or an option is unknown, or an option has an invalid value.
    """
    if adapter not in list(ADAPTERS):
        raise MimicError(
            f"unknown adapter {adapter!r}",
            where="config key sources.<name>.adapter",
            remedy=f"use one of: {', '.join(sorted(ADAPTERS))}; or add mimic_core/sources/{adapter}.py",
        )
    chosen = ADAPTERS[adapter]
    known = list(signature(chosen).parameters)
    for name in options or {}:
        if name not in known:
            raise MimicError(
                f"the adapter {adapter!r} has no option {name!r}",
                where=f"config key sources.<name>.options.{name}",
                remedy=f"use one of: {', '.join(known)}" if known else "remove it: this adapter has no options",
            )
    return chosen(**(options or {}))


__all__ = [
    "ACCESS",
    "ADAPTERS",
    "PAPER_DATASETS",
    "Entry",
    "Source",
    "Unit",
    "check_unique",
    "format_counts",
    "in_shard",
    "name_below",
    "natural",
    "open_source",
    "passed_over",
    "read_registry",
]
