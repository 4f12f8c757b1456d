"""Rule table4: write table 4 as CSV and as a page."""

from collections.abc import Sequence

from mimic_core.datasets.statistics import shortfalls
from mimic_core.kit.program import run
from mimic_core.report.arguments import reasons, table_parser, write_table
from mimic_core.report.table4 import markdown, table4


def main(argv: Sequence[str] | None = None) -> None:
    """Gather the results and write the table."""
    args = table_parser(__doc__).parse_args(argv)

    missing, short = reasons(args.missing), shortfalls(args.datasets)
    table = table4(args.metrics, args.runs, args.scale, args.baselines, missing, short)
    write_table(args, table, markdown(table, args.scale))


if __name__ == "__main__":
    run(main)
