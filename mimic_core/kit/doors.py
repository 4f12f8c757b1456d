"""Lazy imports for a room's ``__init__``: a module is loaded when one of its names is first used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_door(
    room: str, modules: Mapping[str, str], others: Iterable[str] = (), default: str = ""
) -> Callable[[str], Any]:
    """Return a module-level ``__getattr__`` for a room's ``__init__``.

    Args:
        room: name of the package.
        modules: exported name -> module of the room that defines it.
        others: further exported names; those not in ``modules`` are defined in the module ``default``.
        default: see ``others``.
    """
    known = {**dict.fromkeys(others, default), **modules}

    def get(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{known[name]}"), name)

    return get
