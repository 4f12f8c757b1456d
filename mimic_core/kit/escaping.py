"""Names and messages of others in what we write: as text, whatever signs are in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mimic_core.kit.errors import printable

MARKS = re.compile(r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)")  # Markdown's; _ within a word is none
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # beginnings that spreadsheets take for a formula


def markdown(value: object) -> str:
    """A value as text in Markdown, as in a cell of a table: on one line, no sign in it marks anything up."""
    return MARKS.sub(lambda sign: "&lt;" if sign[0] == "<" else "\\" + sign[0], printable(" ".join(str(value).split())))


class Markup(str):
    """A text that is Markdown already."""


def markdown_table(names: Sequence[str], numbers: Iterable[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table in Markdown, and the empty line that ends it.

    Args:
        names: the columns' titles.
        numbers: those of the columns that are set to the right.
        rows: of cells, each shown as text unless it is :class:`Markup`.
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
    """One line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def csv_cell(value: object) -> object:
    """A value as a cell of a CSV file that spreadsheets show and do not compute (OWASP, CSV injection).

    A text is on one line, and gets a single quote before it where it would be a formula; numbers stay numbers.
    """
    if not isinstance(value, str):
        return value
    text = value if value.isprintable() else printable(value)
    return "'" + text if len(text) > 1 and FORMULA.match(text) and not is_number(text) else text


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
