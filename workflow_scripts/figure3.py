"""Rule figure3: plot tasks over epochs (figure 3a), training images (3b) or pretraining pairs (scaling)."""

from collections.abc import Sequence
from pathlib import Path

from mimic_core.datasets.statistics import shortfalls
from mimic_core.kit.program import run
from mimic_core.report.arguments import parse_missing, results_parser, write_csv
from mimic_core.report.encoders import Encoders
from mimic_core.report.figure3 import draw_figure3, figure3a, figure3b, scaling
from mimic_core.report.readings import run_statistics


def main(argv: Sequence[str] | None = None) -> None:
    """Gather the points, write them as CSV, and draw them."""
    parser = results_parser(__doc__)
    parser.add_argument("--part", choices=["a", "b", "scaling"], required=True, help="which figure, by its x-axis")
    parser.add_argument("--dpi", type=int, required=True, help="resolution of the PNG")
    parser.add_argument("--png", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--pdf", type=Path, required=True, help="PDF file to write")
    args = parser.parse_args(argv)

    missing, short = parse_missing(args.missing), shortfalls(args.datasets)
    encoders = Encoders(args.runs, args.baselines, missing, short)
    if args.part == "a":
        table = figure3a(args.metrics, run_statistics(args.pretrain, "epochs"), encoders, args.scale)
    elif args.part == "scaling":
        table = scaling(args.metrics, run_statistics(args.pretrain, "training_pairs"), encoders, args.scale)
    else:
        table = figure3b(args.metrics, encoders, args.scale)
    write_csv(args.csv, table)
    draw_figure3(args.part, table, args.png, args.pdf, args.dpi)


if __name__ == "__main__":
    run(main)
