"""Rule reconstruct_run: let one model paint the hidden patches of held-out pairs, and measure it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mimic_core.evaluation import ReconstructionSettings, reconstruct
from mimic_core.kit.program import run, settings


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="file of a whole model, decoder included")
    parser.add_argument("--data", required=True, help="manifest.parquet of the held-out pairs")
    parser.add_argument("--frechet", help="file of the encoder that the settings name as frechet_encoder")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--settings", required=True, type=settings, help="JSON of the settings")
    parser.add_argument("--seed", type=int, default=0, help="the config's seed (default: 0)")
    args = parser.parse_args(argv)
    chosen = ReconstructionSettings.from_dict(args.settings)
    reconstruct(chosen, args.model, args.out, data=args.data, frechet=args.frechet, seed=args.seed)


if __name__ == "__main__":
    run(main)
