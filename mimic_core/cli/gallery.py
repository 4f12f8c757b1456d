"""``mimic gallery``: write the gallery of a mined folder again."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write the gallery of a mined folder again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mimic gallery``."""
    parser.add_argument("folder", type=Path, help="folder that mimic mine wrote")
    parser.add_argument("--most", type=int, default=300, help="retained pairs to show, and as many rejected ones (300)")


def run(args: argparse.Namespace) -> None:
    """Write the gallery and print its path."""
    from mimic_core.report import write_gallery

    print(write_gallery(args.folder, max(1, args.most)))
