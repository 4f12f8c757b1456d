"""Rule test_hashes: hash the test images of a task, to find pairs that look like one of them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.finetune import write_hashes
from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import check_written


def main(argv: Sequence[str] | None = None) -> None:
    """Write a task's hashes, then the receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, help="name of the task")
    parser.add_argument("--data", type=Path, required=True, help="folder of its dataset")
    parser.add_argument("--splits", type=settings, default={}, help="split files by part, as JSON")
    parser.add_argument("--data-receipts", nargs="*", default=[], help="receipts of the jobs that wrote the dataset")
    parser.add_argument("--hashes", type=Path, required=True, help="table of hashes to write")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    args = parser.parse_args(argv)

    check_written(args.data_receipts)
    receipt = Receipt("finetune", {"task": args.task, "splits": args.splits}, [])
    receipt.statistics = write_hashes(args.task, args.data, args.splits, args.hashes)
    receipt.write(args.receipt, [args.hashes])


if __name__ == "__main__":
    run(main)
