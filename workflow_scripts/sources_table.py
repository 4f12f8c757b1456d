"""Rule sources_table: write what each source contributed, beside the paper's counts."""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_core.datasets.statistics import dataset_statistics
from mimic_core.kit.files import write_text
from mimic_core.kit.program import run
from mimic_core.report.sources import frames_statistics, source_rows, to_csv, to_markdown
from mimic_core.sources.registry import read_registry


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table from the receipts of the frames and of the datasets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, nargs="+", required=True, help="receipts of the frames shards")
    parser.add_argument("--datasets", type=Path, nargs="+", required=True, help="receipts of the datasets")
    parser.add_argument("--scale", required=True, help="sample or paper")
    parser.add_argument("--csv", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--markdown", type=Path, required=True, help="Markdown page to write")
    args = parser.parse_args(argv)

    frames: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in args.frames:
        frames[path.parent.name].append(frames_statistics(path))
    datasets = [dataset_statistics(path) for path in args.datasets]
    rows = source_rows(frames, datasets, read_registry())
    write_text(args.csv, to_csv(rows))
    write_text(args.markdown, to_markdown(rows, [one["dataset"] for one in datasets], args.scale))


if __name__ == "__main__":
    run(main)
