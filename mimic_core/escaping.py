"""Names and messages of others in what we write: as text, whatever signs are in them."""

from __future__ import annotations

import re

from mimic_core.errors import printable

MARKS = re.compile(r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)")  # Markdown's; _ within a word is none
FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")  # beginnings that spreadsheets take for a formula


def markdown(value: object) -> str:
    """A value as text in Markdown, as in a cell of a table: on one line, no sign in it marks anything up."""
    return MARKS.sub(lambda sign: "&lt;" if sign[0] == "<" else "\\" + sign[0], printable(" ".join(str(value).split())))


def csv_cell(value: object) -> object:
    """A value as a cell of a CSV file that spreadsheets show and do not compute (OWASP, CSV injection).

    A text that would be taken for a formula gets a single quote before it; numbers stay numbers.
    """
    if not isinstance(value, str) or len(value) < 2 or not FORMULA.match(value) or is_number(value):
        return value
    return "'" + value


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
