"""``mimic check``: is every tool there, and all raw data?"""

from __future__ import annotations

import argparse
from pathlib import Path

from mimic_core.kit.errors import MimicError

HELP = "is every tool there, and all raw data?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mimic check``."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="overlays on top of config.yaml: whose sources to check"
    )
    parser.add_argument("--deep", action="store_true", help="read the first view of every video, group and scene")


def run(args: argparse.Namespace) -> None:
    """Print a line a tool; fail where one is missing."""
    from mimic_core.cli.tools import checks

    found = []
    for fine, what, detail in checks(Path(), args.configfile, args.deep):
        found.append(fine)
        print(f"{'ok  ' if fine else 'FAIL'}  {what:<28} {detail}")
    if not all(found):
        raise MimicError("something is missing", where="the lines marked FAIL", remedy="do what they say")
