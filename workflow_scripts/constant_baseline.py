"""Evaluate the best constant prediction on one dense task: the floor of every table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mimic_core.finetune import TASKS, ConstantSettings, constant_baseline
from mimic_core.kit.program import run, settings
from mimic_core.kit.verify import check_written


def main(argv: Sequence[str] | None = None) -> None:
    """Evaluate the constant prediction and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--task",
        choices=sorted(name for name, task in TASKS.items() if task.constant),
        help="name of the task (default: task of the settings)",
    )
    parser.add_argument("--data", required=True, help="folder of the dataset")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--settings", type=settings, default={}, help="JSON of the settings: task, image_size, seed")
    parser.add_argument("--data-receipts", nargs="*", default=[], help="receipts of the jobs that wrote the dataset")
    arguments = parser.parse_args(argv)
    check_written(arguments.data_receipts)
    task = {"task": arguments.task} if arguments.task else {}
    constant_baseline(ConstantSettings.from_dict(arguments.settings | task), arguments.data, arguments.out)


if __name__ == "__main__":
    run(main)
