"""``mimic check``: check that every tool and all raw data are there."""

from __future__ import annotations

import argparse
from pathlib import Path

from mimic_core.kit.errors import MimicError

HELP = "check that every tool and all raw data are there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mimic check``."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="overlays on top of config.yaml, to check their sources"
    )
    parser.add_argument("--deep", action="store_true", help="read the first view of every video, group and scene")


def run(args: argparse.Namespace) -> None:
    """Print one line per check, and fail if any check fails."""
    from mimic_core.cli.tools import checks

    found = []
    for fine, what, detail in checks(Path(), args.configfile, args.deep):
        found.append(fine)
        print(f"{'ok  ' if fine else 'FAIL'}  {what:<28} {detail}")
    if not all(found):
        raise MimicError("some checks failed", where="the lines marked FAIL", remedy="do what they say")
