"""Rule table3: write table 3 as CSV and as a page."""

from collections.abc import Sequence
from pathlib import Path

from mimic_core.datasets.statistics import shortfalls
from mimic_core.kit.program import run
from mimic_core.report.arguments import reasons, table_parser, write_table
from mimic_core.report.table3 import markdown, table3


def main(argv: Sequence[str] | None = None) -> None:
    """Gather the results and write the table."""
    parser = table_parser(__doc__)
    parser.add_argument("--pretrain", type=Path, nargs="*", default=[], help="receipts of the pretraining runs")
    args = parser.parse_args(argv)

    missing, short = reasons(args.missing), shortfalls(args.datasets)
    table = table3(args.metrics, args.pretrain, args.runs, args.scale, args.baselines, missing, short)
    write_table(args, table, markdown(table, args.scale))


if __name__ == "__main__":
    run(main)
