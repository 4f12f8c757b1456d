"""Rule pretrain_run: train an encoder on a dataset of pairs. Under torchrun it shares the work over processes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.pretrain import pretrain


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and pretrain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.parquet of the dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder of the encoder, its metrics and the receipt")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of the checkpoints, to go on from")
    parser.add_argument("--settings", type=settings, required=True, help="the run's config block, as JSON")
    parser.add_argument("--run", help="name of the run in --handling")
    parser.add_argument("--handling", type=settings, default={}, help="JSON: settings by run that change no result")
    parser.add_argument("--epoch-of", type=Path, nargs="?", help="receipt of the dataset whose pairs are an epoch")
    parser.add_argument("--seed", type=int, required=True, help="the config's seed")
    parser.add_argument("--allow-changed", nargs="*", default=[], help="keys that may differ from the checkpoint's run")
    args = parser.parse_args(argv)
    matched = {"epoch_pairs": read_receipt(args.epoch_of).count("statistics", "pairs")} if args.epoch_of else {}
    chosen = {**args.settings, **matched, **args.handling.get(args.run, {})}
    pretrain(args.manifest, args.out, args.checkpoints, chosen, args.seed, args.allow_changed)


if __name__ == "__main__":
    run(main)
