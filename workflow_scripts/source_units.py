"""Rule source_units: list the units of a source, once for all its shards."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.sources import open_source
from mimic_core.sources.held_out import check_held_out
from mimic_core.sources.listing import write_listing


def main(argv: Sequence[str] | None = None) -> None:
    """List a source's units, then write the receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapter", required=True, help="name of the source's adapter")
    parser.add_argument("--root", type=Path, required=True, help="folder of the source")
    parser.add_argument("--options", type=settings, required=True, help="options of the adapter as JSON")
    parser.add_argument("--apart-from", type=Path, nargs="*", default=[], help="units of sources that share no scene")
    parser.add_argument("--lists", type=Path, nargs="*", default=[], help="text files of scenes to refuse")
    parser.add_argument("--units", type=Path, required=True, help="table of the units to write")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    args = parser.parse_args(argv)

    about = {"adapter": args.adapter, "root": str(args.root), "options": args.options}
    receipt = Receipt("frames", about, [*args.apart_from, *args.lists])
    receipt.read |= compare(with_receipts(args.apart_from))
    units = open_source(args.adapter, args.options).listed(args.root)
    receipt.statistics = write_listing(units, args.root, args.units)
    check_held_out(args.units, {path.parent.name: path for path in args.apart_from}, args.lists)
    receipt.write(args.receipt, [args.units])


if __name__ == "__main__":
    run(main)
