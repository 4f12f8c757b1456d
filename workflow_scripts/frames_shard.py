"""Rule frames_shard: write the views of one shard of a source."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from mimic_core.frames.reading import ConfinedReader
from mimic_core.frames.shard import write_frames
from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import compare, listed, with_receipts
from mimic_core.simulators.remote import ENVIRONMENT
from mimic_core.sources import open_source
from mimic_core.sources.listing import count_units, read_listing


def main(argv: Sequence[str] | None = None) -> None:
    """Read a shard's units and write their views, the table of views and the receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="name of the source in the config")
    parser.add_argument("--adapter", required=True, help="name of its adapter")
    parser.add_argument("--root", type=Path, required=True, help="folder of the source")
    parser.add_argument("--units", type=Path, required=True, help="table of the source's units")
    parser.add_argument("--shard", type=int, required=True, help="number of this shard, from 0")
    parser.add_argument("--shards", type=int, required=True, help="number of shards")
    parser.add_argument("--settings", type=settings, required=True, help="settings of the frames stage as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--raw-receipts",
        type=Path,
        nargs="*",
        default=[],
        help="receipts of the sample world, if it wrote the source",
    )
    parser.add_argument(
        "--habitat", type=Path, nargs="*", default=[], help="JSON file that names the Python with habitat-sim"
    )
    parser.add_argument("--tar", type=Path, required=True, help="tar of the views to write")
    parser.add_argument("--views", type=Path, required=True, help="table of the views to write")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    args = parser.parse_args(argv)

    kind = open_source(args.adapter).kind
    read = compare(with_receipts([args.units]))  # checked before it is read
    mine = read_listing(args.units, args.root, args.shard, args.shards)
    files = dict.fromkeys(file for unit in mine for file in unit.files)  # units of one .h5 share its file
    receipt = Receipt("frames", args.settings, [args.units, *args.habitat, *files])
    for path in args.habitat:
        os.environ[ENVIRONMENT] = str(path.resolve())
    receipt.read |= read | compare(listed(files, args.raw_receipts))
    with ConfinedReader(kind, args.settings, args.seed) as reader:
        receipt.statistics = write_frames(mine, reader, args.tar, args.views, total=count_units(args.units))
    receipt.write(args.receipt, [args.tar, args.views])


if __name__ == "__main__":
    run(main)
