"""Rule figure_mining_quality: draw the audit of the mining."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mimic_core.kit.program import run
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.report.mining_quality import draw_mining_quality


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the figure from the audit's two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True, help="the audit's table")
    parser.add_argument("--pairs", type=Path, required=True, help="the audit's table of pairs")
    parser.add_argument("--dpi", type=int, required=True, help="resolution of the PNG")
    parser.add_argument("--png", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--pdf", type=Path, required=True, help="PDF file to write")
    args = parser.parse_args(argv)

    compare(with_receipts([args.csv, args.pairs]))
    draw_mining_quality(pd.read_csv(args.csv), pd.read_csv(args.pairs), args.png, args.pdf, args.dpi)


if __name__ == "__main__":
    run(main)
