"""Write a source of the sample world in the raw layout of the real dataset."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.sampledata import write_source
from mimic_core.sampledata.names import RAW


def main(argv: Sequence[str] | None = None) -> None:
    """Write the folder, then its receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=sorted(RAW), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder to write; an existing one is replaced")
    parser.add_argument("--settings", type=settings, required=True, help="config block `sample` as JSON")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    arguments = parser.parse_args(argv)

    receipt = Receipt("sample", arguments.settings)
    write_source(arguments.source, arguments.out, arguments.settings)
    receipt.write(arguments.receipt, outputs=sorted(path for path in arguments.out.rglob("*") if path.is_file()))


if __name__ == "__main__":
    run(main)
