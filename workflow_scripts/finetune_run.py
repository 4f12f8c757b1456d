"""Rules finetune_run, finetune_openmmlab, few_shot_run: fine-tune one encoder on one task and evaluate it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mimic_core.finetune import finetune, job_settings
from mimic_core.kit.program import run, settings
from mimic_core.kit.verify import check_written


def main(argv: Sequence[str] | None = None) -> None:
    """Fine-tune the encoder and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", required=True, help="'random', or the file of an encoder")
    parser.add_argument("--data", help="folder of the dataset (default: root of the settings)")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--settings", required=True, type=settings, help="settings of the job as JSON")
    parser.add_argument("--seed", type=int, default=0, help="the config's seed (default: 0)")
    parser.add_argument("--data-receipts", nargs="*", default=[], help="receipts of the jobs that wrote the dataset")
    arguments = parser.parse_args(argv)
    check_written(arguments.data_receipts)
    chosen = job_settings(arguments.settings)
    finetune(chosen, arguments.encoder, arguments.out, data=arguments.data, seed=arguments.seed)


if __name__ == "__main__":
    run(main)
