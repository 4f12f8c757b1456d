"""What every command line of the project shares: logging, settings from JSON, and errors a person can read."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mimic_core.errors import MimicError
from mimic_core.files import FULL, cannot_write

log = logging.getLogger("mimic")


def settings(text: str) -> dict[str, Any]:
    """Argparse type of ``--settings``: a config sub-tree as JSON."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("settings must be a JSON object")
    return value


def become(words: Sequence[str]) -> NoReturn:
    """Let a command take this process's place: signals meant for a job reach it.

    Raises:
        MimicError: it cannot be started.
    """
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - the job's own command line
    except OSError as error:
        raise MimicError(f"cannot start {words[0]!r}: {error.strerror}", remedy="check the command") from error


def run(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> None:
    """Run ``main`` as a program: log to stderr, print a :class:`MimicError` without its traceback, exit 1 on failure.

    A full disk is named likewise.

    Any other exception is a fault of ours: its traceback goes to the log as well.
    """
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO, stream=sys.stderr)
    try:
        main(argv)
    except MimicError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            print(f"error: {cannot_write(error.filename or Path(), error)}", file=sys.stderr)
            raise SystemExit(1) from None
        traceback.print_exc()
        remedy = "this is a fault in MIMIC; please report it with the lines above"
        print(f"error: {type(error).__name__}: {error}\n  remedy: {remedy}", file=sys.stderr)
        raise SystemExit(1) from None
