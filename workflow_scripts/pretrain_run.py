"""Rule pretrain_run: pretrain an encoder on a dataset of pairs. Under torchrun, several processes share the work."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core.kit.program import run, settings
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.pretrain import pretrain


def main(argv: Sequence[str] | None = None) -> None:
    """Pretrain the encoder and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.parquet of the dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the encoder, metrics and receipt to")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of checkpoints, to resume from")
    parser.add_argument("--settings", type=settings, required=True, help="the run's config block, as JSON")
    parser.add_argument("--run", help="name of the run, to look up in --handling")
    parser.add_argument("--handling", type=settings, default={}, help="JSON: run -> settings that change no result")
    parser.add_argument("--epoch-of", type=Path, nargs="?", help="receipt of the dataset that sets the epoch's length")
    parser.add_argument("--seed", type=int, required=True, help="the config's seed")
    parser.add_argument("--allow-changed", nargs="*", default=[], help="keys that may differ from the checkpoint")
    args = parser.parse_args(argv)
    matched = {"epoch_pairs": read_receipt(args.epoch_of).count("statistics", "pairs")} if args.epoch_of else {}
    chosen = {**args.settings, **matched, **args.handling.get(args.run, {})}
    pretrain(args.manifest, args.out, args.checkpoints, chosen, args.seed, args.allow_changed)


if __name__ == "__main__":
    run(main)
