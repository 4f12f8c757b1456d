"""Write a downstream dataset of the sample world in the layout of NYUv2, Taskonomy, ADE20K, COCO or ImageNet."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.sampledata import write_ade20k, write_coco, write_imagenet, write_nyuv2, write_taskonomy

WRITERS = {
    "depth": write_nyuv2,
    "normals": write_taskonomy,
    "segmentation": write_ade20k,
    "pose": write_coco,
    "classification": write_imagenet,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write the folder, then its receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=sorted(WRITERS), required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; an old one is replaced")
    parser.add_argument("--settings", type=settings, required=True, help="config block `sample` as JSON")
    parser.add_argument("--receipt", type=Path, required=True, help="the receipt to write last")
    arguments = parser.parse_args(argv)

    receipt = Receipt("sample", arguments.settings)
    WRITERS[arguments.task](arguments.out, arguments.settings)
    receipt.write(arguments.receipt, outputs=sorted(path for path in arguments.out.rglob("*") if path.is_file()))


if __name__ == "__main__":
    run(main)
