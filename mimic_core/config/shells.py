"""Names that Snakemake itself hands to a shell, in quotes that do not hold every name; ours are quoted in the rules.

It puts the command of a job for a cluster, and the folder of a conda environment, together from texts; a command
too long for a command line goes through a file in the folder it runs in. What would be taken apart, or run, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mimic_core.kit.errors import MimicError

RUNS = re.compile(r'[$`"\\]')  # stays special between double quotes
BREAKS = re.compile(
    r"""[$`\\\x00-\x1f\x7f]|'(?=.*")|"(?=.*')"""
)  # Python's quotes, read by a shell: one kind may be inside
QUOTE = re.compile(r"""['"$`\\\x00-\x1f\x7f]""")  # quotes that are put around it whatever it is
UNSAFE = re.compile(r"[^\w@%+=:,./-]")  # without quotes
LONG = 30_000  # letters of input files from which a job's command may be one that goes through a file (at 65,535)


def check_checkout(folder: Path) -> None:
    """See that the workflow can run from the folder that it lies in.

    Raises:
        MimicError: it has a brace, which Snakemake would fill in, or a colon, which ends an entry of ``PYTHONPATH``.
    """
    signs = sorted(set(str(folder)) & set("{}:"))
    if signs:
        raise MimicError(
            f"the workflow cannot run from a folder with {' and '.join(signs)} in its name",
            where=folder,
            remedy="move or rename the checkout",
        )


def check_quoted(named: Iterable[tuple[str, str]], whose: str) -> None:
    """See that names can be handed on in Python's quotes, as Snakemake does for a cluster.

    Args:
        named: what each is, such as ``--config``, and the name.
        whose: what they are handed to, for the message.

    Raises:
        MimicError: one of them holds a sign that no quotes keep.
    """
    for what, name in named:
        refuse(BREAKS.search(name), what, name, whose)


def check_quotable(named: Iterable[tuple[str, str]], whose: str) -> None:
    """See that names can stand between any quotes, as Snakemake puts a conda environment's; as :func:`check_quoted`."""
    for what, name in named:
        refuse(QUOTE.search(name), what, name, whose)


def check_unquoted(what: str, name: str, whose: str) -> None:
    """See that a name can be handed on without quotes; raises as :func:`check_quoted`."""
    refuse(UNSAFE.search(name), what, name, whose)


def check_long_commands(folder: str, letters: int) -> None:
    """See that commands too long for a command line can be started from a folder; raises as :func:`check_quoted`.

    Args:
        letters: of the names of the input files of the job that has the most.
    """
    if letters > LONG:
        refuse(RUNS.search(folder), "the folder it runs in", folder, "a shell, for long commands,")


def refuse(sign: re.Match[str] | None, what: str, name: str, whose: str) -> None:
    """Raise the error of a name in which a sign was found."""
    if sign:
        raise MimicError(
            f"{what} has {sign[0]!r} in it, which Snakemake cannot hand to {whose} as it is",
            where=name,
            remedy="use a name without it: a link of another name, or a copy elsewhere",
        )
