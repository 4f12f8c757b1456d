"""Sources by the name of their adapter. Adding one is a file here, with a subclass of ``Source``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.sources.base import Source, Unit, check_unique, in_shard, name_below, natural
from mimic_core.sources.content import passed_over, told
from mimic_core.sources.registry import ACCESS, PAPER_DATASETS, Entry, read_registry

_NO_ADAPTERS = frozenset(["base", "content", "held_out", "inventory", "listing", "many", "registry", "walking"])


class Adapters(Mapping[str, type[Source]]):
    """The adapters: each is the one ``Source`` that the file of its name defines, imported when it is asked for."""

    def __iter__(self) -> Iterator[str]:
        return (module.name for module in iter_modules(__path__) if module.name not in _NO_ADAPTERS)

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
                f"an adapter's file that defines {len(found)} sources instead of one",
                where=module.__file__,
                remedy="define one subclass of Source in it",
            )
        return found[0]


ADAPTERS = Adapters()


def open_source(adapter: str, options: Mapping[str, Any] | None = None) -> Source:
    """The adapter of that name.

    Args:
        options: its own settings, as ``sources.<name>.options`` has them.

    Raises:
        MimicError: there is none, or it has no such option, or one cannot be used.
    """
    if adapter not in list(ADAPTERS):
        raise MimicError(
            f"there is no adapter {adapter!r}",
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
                remedy=f"it has: {', '.join(known)}" if known else "remove it: this adapter has none",
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
    "in_shard",
    "name_below",
    "natural",
    "open_source",
    "passed_over",
    "read_registry",
    "told",
]
