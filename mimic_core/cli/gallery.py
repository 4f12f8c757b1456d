"""``mimic gallery``: the page on a mined folder, written anew."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write the gallery of a mined folder anew"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mimic gallery``."""
    parser.add_argument("folder", type=Path, help="what mimic mine wrote")
    parser.add_argument("--most", type=int, default=300, help="retained pairs shown, and as many rejected (300)")


def run(args: argparse.Namespace) -> None:
    """Write the gallery and say where it is."""
    from mimic_core.report import write_gallery

    print(write_gallery(args.folder, max(1, args.most)))
