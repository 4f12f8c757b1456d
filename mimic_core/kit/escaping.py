"""Escape foreign names and messages in the Markdown and CSV that we write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mimic_core.kit.errors import printable

MARKS = re.compile(r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)")  # Markdown markup; not _ within a word
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # prefixes that spreadsheets take for a formula


def markdown(value: object) -> str:
    """Format a value as one line of Markdown text with all markup escaped, for a table cell for example."""
    return MARKS.sub(lambda mark: "&lt;" if mark[0] == "<" else "\\" + mark[0], printable(" ".join(str(value).split())))


class Markup(str):
    """A string that is Markdown already and is not escaped."""


def markdown_table(names: Sequence[str], numbers: Iterable[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table and a final empty line.

    Args:
        names: column titles.
        numbers: titles of the right-aligned columns.
        rows: cells, which are escaped unless they are :class:`Markup`.
    """
    right = set(numbers)
    cells = ([cell if isinstance(cell, Markup) else markdown(cell) for cell in row] for row in rows)
    return [
        table_line(names),
        table_line(["---:" if name in right else "---" for name in names]),
        *map(table_line, cells),
        "",
    ]


def table_line(cells: Iterable[str]) -> str:
    """Return one line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def csv_cell(value: object) -> object:
    """Make a value safe for a CSV cell, so that spreadsheets do not run it as a formula (OWASP, CSV injection).

    A string is put on one line, with a single quote before anything that would be a formula; numbers are unchanged.
    """
    if not isinstance(value, str):
        return value
    text = value if value.isprintable() else printable(value)
    return "'" + text if len(text) > 1 and FORMULA.match(text) and not is_number(text) else text


def is_number(text: str) -> bool:
    """Return whether a string is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
