"""Rule pretraining: draw the losses of all pretraining runs, and estimate the cost of the paper's schedule."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.files import write_text
from mimic_core.kit.program import run
from mimic_core.report.pretraining import cost_rows, draw_losses, read_metrics, run_receipt, to_markdown


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the figure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of the runs")
    parser.add_argument("--scale", required=True, help="sample or paper")
    parser.add_argument("--dpi", type=int, required=True, help="resolution of the PNG")
    parser.add_argument("--png", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--markdown", type=Path, required=True, help="Markdown page to write")
    args = parser.parse_args(argv)

    metrics = read_metrics(args.runs)
    draw_losses(metrics, args.png, args.dpi, args.scale)
    receipts = {folder.name: run_receipt(folder / "receipt.json") for folder in args.runs}
    write_text(args.markdown, to_markdown(cost_rows(receipts), args.scale))


if __name__ == "__main__":
    run(main)
