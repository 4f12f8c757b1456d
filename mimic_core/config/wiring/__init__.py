"""What the rules derive from a config: the files that a job reads, its settings and its resources.

One module per stage, with plain functions of the merged config. Nothing here imports Snakemake, torch, pandas or numpy,
so that the process that plans a run stays small.
"""

from mimic_core.config.wiring import datasets, finetune, frames, pretrain, reconstruction, report, sample, setup
from mimic_core.config.wiring.params import as_it_is, as_json, untracked
from mimic_core.config.wiring.requests import gpus, memory, minutes
from mimic_core.config.wiring.tasks import TASKS, task_names

__all__ = [
    "TASKS",
    "as_it_is",
    "as_json",
    "datasets",
    "finetune",
    "frames",
    "gpus",
    "memory",
    "minutes",
    "pretrain",
    "reconstruction",
    "report",
    "sample",
    "setup",
    "task_names",
    "untracked",
]
