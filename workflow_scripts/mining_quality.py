"""Rule mining_quality: audit the mining against the ground truth of the sample world."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2

from mimic_core.evaluation.mining_quality import audit, summary
from mimic_core.kit.files import atomic_path
from mimic_core.kit.program import run
from mimic_core.kit.receipts import Receipt
from mimic_core.machine.memory import keep_freed_memory


def main(argv: Sequence[str] | None = None) -> None:
    """Measure pairs in every kind of scene, and write a summary and a table of pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs-per-scene", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--csv", type=Path, required=True, help="summary to write")
    parser.add_argument("--pairs", type=Path, required=True, help="table to write, one row per pair and variant")
    parser.add_argument("--receipt", type=Path, required=True, help="receipt to write last")
    args = parser.parse_args(argv)

    receipt = Receipt("report", {"pairs_per_scene": args.pairs_per_scene, "seed": args.seed})
    cv2.setNumThreads(1)
    keep_freed_memory()
    rows = audit({"seed": args.seed}, args.pairs_per_scene)
    with atomic_path(args.pairs) as temporary:
        rows.to_csv(temporary, index=False, float_format="%.5g")
    with atomic_path(args.csv) as temporary:
        summary(rows).to_csv(temporary, index=False)
    receipt.write(args.receipt, [args.csv, args.pairs])


if __name__ == "__main__":
    run(main)
