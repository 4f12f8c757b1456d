"""Suggest names in place of an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 80  # characters of a name that are compared


def did_you_mean(name: object, known: Iterable[str], otherwise: str) -> str:
    """Suggest the known name closest to an unknown one; if none is close, list all.

    Args:
        otherwise: what introduces the list of all names, such as ``choose one of``.
    """
    names = list(known)
    near = difflib.get_close_matches(str(name)[:LONGEST], names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise}: {', '.join(names)}"
