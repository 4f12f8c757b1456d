"""Write one flat of the sample world as a GLB scene."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.sampledata import write_flat


def main(argv: Sequence[str] | None = None) -> None:
    """Write the scene, then its receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flat", required=True, help="name of the flat, e.g. flat007")
    parser.add_argument("--out", type=Path, required=True, help=".glb file to write")
    parser.add_argument("--settings", type=settings, required=True, help="config block `sample` as JSON")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    arguments = parser.parse_args(argv)

    receipt = Receipt("sample", arguments.settings)
    write_flat(arguments.flat, arguments.out, arguments.settings)
    receipt.write(arguments.receipt, outputs=[arguments.out])


if __name__ == "__main__":
    run(main)
