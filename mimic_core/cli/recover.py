"""``mimic recover``: after a crash, what still runs and how to start again."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "after a crash: what still runs, and how to start again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mimic recover``."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results"), help="results folder (results)")
    parser.add_argument("--cancel", action="store_true", help="end jobs that still run; without --yes they are listed")
    parser.add_argument("--yes", action="store_true", help="do it; also: no Snakemake runs here on another machine")


def run(args: argparse.Namespace) -> None:
    """Bring a folder whose Snakemake was killed into a state to start again from."""
    from mimic_core.cli.after_crash import recover

    recover(args.folder, cancel=args.cancel, sure=args.yes)
