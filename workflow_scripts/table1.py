"""Rule table1: write table 1 as CSV and as a page."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.command import run, settings
from mimic_core.files import atomic_path, write_text
from mimic_core.report.table1 import markdown, table1


def main(argv: Sequence[str] | None = None) -> None:
    """Gather the results and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json of every result")
    parser.add_argument("--pretrain", type=Path, nargs="*", default=[], help="receipts of the pretraining runs")
    parser.add_argument("--runs", type=settings, required=True, help="the config's pretrain.runs as JSON")
    parser.add_argument("--scale", required=True, help="sample or paper")
    parser.add_argument("--csv", type=Path, required=True, help="written")
    parser.add_argument("--markdown", type=Path, required=True, help="written")
    args = parser.parse_args(argv)

    table = table1(args.metrics, args.pretrain, args.runs, args.scale)
    write_text(args.markdown, markdown(table, args.pretrain, args.scale))
    with atomic_path(args.csv) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    run(main)
