"""Fine-tune one encoder on one dense task, over all its seeds, and evaluate it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mimic_core.command import run, settings
from mimic_core.finetune import FinetuneSettings, finetune


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", required=True, help="'random', or the encoder.safetensors of a pretraining run")
    parser.add_argument("--data", help="folder of the dataset (default: root of the settings)")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--settings", required=True, type=settings, help="JSON of the job's settings")
    parser.add_argument("--seed", type=int, default=0, help="the config's seed (default: 0)")
    arguments = parser.parse_args(argv)
    job = FinetuneSettings.from_dict(arguments.settings)
    finetune(job, arguments.encoder, arguments.out, data=arguments.data, seed=arguments.seed)


if __name__ == "__main__":
    run(main)
