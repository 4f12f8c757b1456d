"""Refuse names that Snakemake passes to a shell with insufficient quoting; the rules quote their own.

Snakemake pastes strings together for the command of a cluster job and for the folder of a conda environment, and runs
a command that is too long through a file in its working folder. We refuse names that a shell would split or execute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mimic_core.kit.errors import MimicError

RUNS = re.compile(r'[$`"\\]')  # special inside double quotes
BREAKS = re.compile(r"""[$`\\\x00-\x1f\x7f]|'(?=.*")|"(?=.*')""")  # breaks Python's repr quotes when a shell reads them
QUOTE = re.compile(r"""['"$`\\\x00-\x1f\x7f]""")  # unsafe inside quotes of either kind
UNSAFE = re.compile(r"[^\w@%+=:,./-]")  # unsafe without quotes
LONG = 30_000  # characters of input files above which a job's command may go through a file (Snakemake's limit: 65,535)


def check_checkout(folder: Path) -> None:
    """Check that the workflow can run from the folder of its checkout.

    Raises:
        MimicError: its path has a brace, which Snakemake would fill in, or a colon, which separates ``PYTHONPATH``.
    """
    characters = sorted(set(str(folder)) & set("{}:"))
    if characters:
        raise MimicError(
            f"the workflow cannot run from a folder with {' and '.join(characters)} in its name",
            where=folder,
            remedy="move or rename the checkout",
        )


def check_quoted(named: Iterable[tuple[str, str]], whose: str) -> None:
    """Check that names survive Python's repr quotes, which Snakemake uses for a cluster.

    Args:
        named: what each is, such as ``--config``, and the name.
        whose: what they are passed to, for the message.

    Raises:
        MimicError: a name holds a character that these quotes do not protect.
    """
    for what, name in named:
        refuse(BREAKS.search(name), what, name, whose)


def check_quotable(named: Iterable[tuple[str, str]], whose: str) -> None:
    """Check that names survive quotes of either kind, as used for conda environments; see :func:`check_quoted`."""
    for what, name in named:
        refuse(QUOTE.search(name), what, name, whose)


def check_unquoted(what: str, name: str, whose: str) -> None:
    """Check that a name can be passed without quotes; raises as :func:`check_quoted`."""
    refuse(UNSAFE.search(name), what, name, whose)


def check_long_commands(folder: str, length: int) -> None:
    """Check that commands too long for a command line can be started from a folder; raises as :func:`check_quoted`.

    Args:
        folder: the working folder.
        length: total length of the input file names of the job that has the longest.
    """
    if length > LONG:
        refuse(RUNS.search(folder), "the folder it runs in", folder, "a shell, for long commands")


def refuse(found: re.Match[str] | None, what: str, name: str, whose: str) -> None:
    """Raise an error if an unsafe character was found in a name."""
    if found:
        raise MimicError(
            f"{what} has {found[0]!r} in it, which Snakemake cannot pass safely to {whose}",
            where=name,
            remedy="use a name without it, for example through a symbolic link",
        )
