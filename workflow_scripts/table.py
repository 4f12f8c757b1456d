"""Rule table: write one of the paper's tables as CSV and as a page."""

from collections.abc import Sequence
from pathlib import Path

from mimic_core.datasets.statistics import shortfalls
from mimic_core.kit.files import write_text
from mimic_core.kit.program import run
from mimic_core.report import TABLES, Given, make_table
from mimic_core.report.arguments import reasons, results_parser, write_csv


def main(argv: Sequence[str] | None = None) -> None:
    """Gather the results and write the table."""
    parser = results_parser(__doc__)
    parser.add_argument("--number", choices=[*map(str, TABLES)], required=True, help="the paper's number of the table")
    parser.add_argument("--markdown", type=Path, required=True, help="written")
    args = parser.parse_args(argv)

    missing, short = reasons(args.missing), shortfalls(args.datasets)
    given = Given(args.metrics, args.runs, args.scale, args.pretrain, args.baselines, missing, short)
    table, page = make_table(args.number, given)
    write_text(args.markdown, page)
    write_csv(args.csv, table)


if __name__ == "__main__":
    run(main)
