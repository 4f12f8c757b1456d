"""Rule figure2: draw each source's share of the pairs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.datasets.statistics import dataset_statistics
from mimic_core.kit.program import run
from mimic_core.report.figure2 import composition, draw_figure2


def main(argv: Sequence[str] | None = None) -> None:
    """Draw figure 2 from the datasets' receipts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipts", type=Path, nargs="+", required=True, help="receipts of the datasets")
    parser.add_argument("--scale", required=True, help="sample or paper")
    parser.add_argument("--dpi", type=int, required=True, help="resolution of the PNG")
    parser.add_argument("--png", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--pdf", type=Path, required=True, help="PDF file to write")
    args = parser.parse_args(argv)

    draw_figure2(
        composition([{"statistics": dataset_statistics(path)} for path in args.receipts], args.scale),
        args.png,
        args.pdf,
        args.dpi,
    )


if __name__ == "__main__":
    run(main)
