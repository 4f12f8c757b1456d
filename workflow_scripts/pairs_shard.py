"""Rule pairs_shard: measure the candidates of one shard and store the retained pairs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.receipts import Receipt
from mimic_core.pairs.rules import rule_for
from mimic_core.pairs.settings import mining_settings
from mimic_core.pairs.shard import ShardPaths, mine_shard
from mimic_core.sources import open_source


def main(argv: Sequence[str] | None = None) -> None:
    """Mine a shard and write its candidates, its pairs, their tar and the receipt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="name of the source in the config")
    parser.add_argument("--adapter", required=True, help="name of its adapter")
    parser.add_argument("--frames-tar", type=Path, required=True, help="views of the shard")
    parser.add_argument("--views", type=Path, required=True, help="table of the views")
    parser.add_argument("--settings", type=settings, required=True, help="settings of the pairs stage as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--candidates", type=Path, required=True, help="table of all measured candidates to write")
    parser.add_argument("--pairs", type=Path, required=True, help="table of the retained pairs to write")
    parser.add_argument("--tar", type=Path, required=True, help="tar of the retained pairs' images to write")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    args = parser.parse_args(argv)

    receipt = Receipt("pairs", args.settings, [args.frames_tar, args.views])
    receipt.check_inputs(args.frames_tar.with_suffix(".receipt.json"), receipt.inputs)
    receipt.statistics = mine_shard(
        ShardPaths(args.frames_tar, args.views, args.candidates, args.pairs, args.tar),
        source=args.source,
        rule=rule_for(open_source(args.adapter).kind, args.settings),
        settings=mining_settings(args.settings),
        seed=args.seed,
    )
    receipt.write(args.receipt, [args.candidates, args.pairs, args.tar])


if __name__ == "__main__":
    run(main)
