"""Rule reconstruct_run: reconstruct the masked patches of held-out pairs with one model, and measure the error."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mimic_core.evaluation import ReconstructionSettings, reconstruct
from mimic_core.kit.program import run, settings


def main(argv: Sequence[str] | None = None) -> None:
    """Reconstruct the pairs and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="file of a model with its decoder")
    parser.add_argument("--data", required=True, help="manifest.parquet of the held-out pairs")
    parser.add_argument("--frechet", help="encoder file of the settings' frechet_encoder")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--settings", required=True, type=settings, help="settings as JSON")
    parser.add_argument("--seed", type=int, default=0, help="the config's seed (default: 0)")
    args = parser.parse_args(argv)
    chosen = ReconstructionSettings.from_dict(args.settings)
    reconstruct(chosen, args.model, args.out, data=args.data, frechet=args.frechet, seed=args.seed)


if __name__ == "__main__":
    run(main)
