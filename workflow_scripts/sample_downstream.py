"""Write a downstream dataset of the sample world in the layout of NYUv2, Taskonomy, ADE20K, COCO or ImageNet."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.finetune import TASKS
from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.sampledata import write_ade20k, write_coco, write_imagenet, write_nyuv2, write_taskonomy

WRITERS = {  # by layout
    "nyuv2": write_nyuv2,
    "taskonomy": write_taskonomy,
    "ade20k": write_ade20k,
    "coco": write_coco,
    "imagenet": write_imagenet,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the folder, then its receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--task",
        choices=sorted(name for name, task in TASKS.items() if task.layout in WRITERS),
        required=True,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write; an existing one is replaced")
    parser.add_argument("--settings", type=settings, required=True, help="config block `sample` as JSON")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    arguments = parser.parse_args(argv)

    receipt = Receipt("sample", arguments.settings)
    WRITERS[TASKS[arguments.task].layout](arguments.out, arguments.settings)
    receipt.write(arguments.receipt, outputs=sorted(path for path in arguments.out.rglob("*") if path.is_file()))


if __name__ == "__main__":
    run(main)
