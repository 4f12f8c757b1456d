"""Rule table: write one of the paper's tables as CSV and as a Markdown page."""

from collections.abc import Sequence
from pathlib import Path

from mimic_core.datasets.statistics import shortfalls
from mimic_core.kit.files import write_text
from mimic_core.kit.program import run
from mimic_core.report import TABLES, Encoders, TableInputs, make_table
from mimic_core.report.arguments import parse_missing, results_parser, write_csv


def main(argv: Sequence[str] | None = None) -> None:
    """Make the table from the results and write it."""
    parser = results_parser(__doc__)
    parser.add_argument("--number", choices=[*map(str, TABLES)], required=True, help="number of the table in the paper")
    parser.add_argument("--markdown", type=Path, required=True, help="Markdown page to write")
    args = parser.parse_args(argv)

    encoders = Encoders(args.runs, args.baselines, parse_missing(args.missing), shortfalls(args.datasets))
    table, page = make_table(args.number, TableInputs(args.metrics, encoders, args.scale, args.pretrain))
    write_text(args.markdown, page)
    write_csv(args.csv, table)


if __name__ == "__main__":
    run(main)
