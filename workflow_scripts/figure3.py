"""Rules figure3a and figure3b: draw a task over the epochs of pretraining, or over the number of training images."""

from collections.abc import Sequence
from pathlib import Path

from mimic_core.command import run
from mimic_core.report.arguments import reasons, results_parser, write_csv
from mimic_core.report.figure3 import draw_figure3, figure3a, figure3b
from mimic_core.report.readings import Encoders, run_statistics


def main(argv: Sequence[str] | None = None) -> None:
    """Gather the points, write them as CSV, and draw them."""
    parser = results_parser(__doc__)
    parser.add_argument("--part", choices=["a", "b"], required=True, help="a: over epochs; b: few-shot")
    parser.add_argument("--pretrain", type=Path, nargs="*", default=[], help="receipts of the pretraining runs (a)")
    parser.add_argument("--dpi", type=int, required=True, help="dots an inch of the PNG")
    parser.add_argument("--png", type=Path, required=True, help="written")
    parser.add_argument("--pdf", type=Path, required=True, help="written")
    args = parser.parse_args(argv)

    encoders = Encoders(args.runs, args.baselines, reasons(args.missing))
    if args.part == "a":
        table = figure3a(args.metrics, run_statistics(args.pretrain, "epochs"), encoders, args.scale)
    else:
        table = figure3b(args.metrics, encoders, args.scale)
    write_csv(args.csv, table)
    draw_figure3(args.part, table, args.png, args.pdf, args.dpi)


if __name__ == "__main__":
    run(main)
