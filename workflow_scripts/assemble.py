"""Rule assemble: choose the pairs of a dataset and write its manifest and card."""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mimic_core.datasets.assembly import LeakSearch, assemble, mined
from mimic_core.datasets.card import dataset_card
from mimic_core.datasets.composition import ALL
from mimic_core.datasets.leaks import read_hashes
from mimic_core.kit.files import write_text
from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import compare, with_receipts


def by_source(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Group the files of shards by source, which is the name of their folder."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found[path.parent.name].append(path)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Write a dataset's manifest and card, then its receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the dataset")
    parser.add_argument("--composition", type=settings, required=True, help="JSON: source -> pairs wanted, or all")
    parser.add_argument("--pairs", type=Path, nargs="+", required=True, help="tables of the shards' retained pairs")
    parser.add_argument("--receipts", type=Path, nargs="+", required=True, help="receipts of the shards")
    parser.add_argument("--mining", type=settings, required=True, help="pairs settings as JSON, for the card")
    parser.add_argument("--scale", required=True, help="sample or paper")
    parser.add_argument("--tests", type=Path, nargs="*", default=[], help="hashes of test images, one file per task")
    parser.add_argument("--leaks", type=settings, default={}, help="JSON: how to treat pairs that look like one")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--manifest", type=Path, required=True, help="manifest to write")
    parser.add_argument("--card", type=Path, required=True, help="dataset card to write")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    args = parser.parse_args(argv)

    about = {"composition": args.composition, "leaks": args.leaks}
    receipt = Receipt("datasets", about, [*args.pairs, *args.receipts, *args.tests])
    receipt_of = {
        path.with_name(path.name.removesuffix("receipt.json") + "pairs.parquet"): path for path in args.receipts
    }
    receipt.read |= compare([(table, receipt_of[table]) for table in args.pairs] + with_receipts(args.tests))
    hashes = {path.parent.name: read_hashes(path) for path in args.tests}
    tests = LeakSearch(hashes, **{key: args.leaks[key] for key in ("bits", "leave_out") if key in args.leaks})
    mining = mined(by_source(args.receipts))
    wanted = {source: None if count == ALL else count for source, count in args.composition.items()}
    statistics = assemble(args.manifest, wanted, by_source(args.pairs), args.seed, tests)
    write_text(args.card, dataset_card(args.name, statistics, mining, args.scale, args.mining))
    receipt.statistics = {"dataset": args.name, "scale": args.scale, **statistics, "mining": mining}
    receipt.write(args.receipt, [args.manifest, args.card])


if __name__ == "__main__":
    run(main)
