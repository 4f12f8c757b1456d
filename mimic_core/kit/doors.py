"""A room's door that loads a module when a name of it is first used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_door(
    room: str, modules: Mapping[str, str], others: Iterable[str] = (), default: str = ""
) -> Callable[[str], Any]:
    """What to assign to ``__getattr__`` in a room's ``__init__``.

    Args:
        room: name of the package.
        modules: name -> the module of the room that has it.
        others: more names that the door has; those not in ``modules`` are in ``default``.
    """
    known = {**dict.fromkeys(others, default), **modules}

    def get(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{known[name]}"), name)

    return get
