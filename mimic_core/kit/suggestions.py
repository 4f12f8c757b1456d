"""What to suggest for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 80  # letters of a name that are compared


def did_you_mean(name: object, known: Iterable[str], otherwise: str) -> str:
    """Suggest the known name that is closest to an unknown one; where none is close, name all.

    Args:
        otherwise: words before the list of all names, such as ``choose one of``.
    """
    names = list(known)
    near = difflib.get_close_matches(str(name)[:LONGEST], names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise}: {', '.join(names)}"
