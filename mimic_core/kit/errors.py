"""Errors for the user: what went wrong, where, and what to do about it."""

from __future__ import annotations

import reprlib

LONGEST = 80  # characters of a value shown in a message
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = LONGEST


class MimicError(Exception):
    """A failure that the user can act on.

    Args:
        what: what went wrong, in one sentence.
        where: the file, config key or row where it happened.
        remedy: what to do about it.

    Command-line programs print ``str(error)`` without a traceback and exit with code 1.
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
        return "\n".join(map(printable, "\n".join(lines).split("\n")))  # file names may hold terminal control codes


class UnreadableError(MimicError):
    """A unit (video, scene, image) that cannot be read. It is counted, and the rest of its shard is processed."""


def printable(text: str) -> str:
    """Return the text on one line, with line breaks and other control characters escaped."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def shown(value: object) -> str:
    """Return a short one-line representation of a value for a message."""
    return printable(SHORT.repr(value))
