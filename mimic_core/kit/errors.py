"""The one error a user is meant to read: what went wrong, where, and what to do about it."""

from __future__ import annotations

import reprlib

LONGEST = 80  # letters of a value that is shown
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = LONGEST


class MimicError(Exception):
    """A failure that the user can act on.

    Args:
        what: what went wrong, in one sentence.
        where: the file, config key or row it happened at.
        remedy: what to do about it.

    A command line prints ``str(error)`` and leaves with exit code 1; no traceback, since none is needed.
    """

    def __init__(self, what: str, *, where: object = "", remedy: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append("  where:  " + self.where)
        if self.remedy:
            lines.append("  remedy: " + self.remedy)
        return "\n".join(map(printable, "\n".join(lines).split("\n")))  # names of files steer no terminal


class UnreadableError(MimicError):
    """One unit (video, scene, image) that cannot be read. The rest of its shard goes on; the unit is counted."""


def printable(text: str) -> str:
    """A file's name or a message on one line: line breaks and other control characters as escapes."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def shown(value: object) -> str:
    """Any value in a message: cut short, on one line."""
    return printable(SHORT.repr(value))
