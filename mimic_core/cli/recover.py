"""``mimic recover``: after a crash, find jobs that still run, and make the folder ready to start again."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "after a crash: find jobs that still run, and make the folder ready to start again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mimic recover``."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results"), help="results folder (results)")
    parser.add_argument("--cancel", action="store_true", help="end jobs that still run; without --yes, only list them")
    parser.add_argument(
        "--yes", action="store_true", help="confirm --cancel, and that no Snakemake runs here on another machine"
    )


def run(args: argparse.Namespace) -> None:
    """Make a folder whose Snakemake was killed ready to start again."""
    from mimic_core.cli.after_crash import recover

    recover(args.folder, cancel=args.cancel, sure=args.yes)
