"""Registry of the tables and of the figures drawn from the same results: which encoders and tasks each compares.

Snakemake reads it while planning, so pandas is only imported when a table is made.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mimic_core.finetune import tasks_of
from mimic_core.kit.errors import MimicError

if TYPE_CHECKING:
    import pandas as pd

    from mimic_core.report.encoders import Encoders


@dataclass(frozen=True)
class Comparison:
    """What a table or figure compares.

    Attributes:
        encoders: dotted config key of the list of encoders.
        tasks: names of the tasks, or the config key that lists them.
        results: kind of the results.
        random: also compare random weights.
        baselines: also compare every released checkpoint of the config whose file exists.
        constant: also compare the best constant predictions.
        epochs: compare the encoders of single epochs, of every run that saves them, instead of ``encoders``.
        pretraining: read the receipts of the pretraining runs.
        part: name of a figure in :mod:`mimic_core.report.figure3`.
    """

    encoders: str
    tasks: tuple[str, ...] | str = ()
    results: Literal["finetune", "few_shot", "reconstruction"] = "finetune"
    random: bool = False
    baselines: bool = False
    constant: bool = False
    epochs: bool = False
    pretraining: bool = False
    part: str = ""


def task_names(table: int) -> tuple[str, ...]:
    """Return the names of the tasks in one of the paper's tables."""
    return tuple(task.name for task in tasks_of(table))


# `mimic_core/report/table<number>.py` makes each table: `make(inputs)` its rows, `markdown(rows, inputs)` its page
TABLES = {
    1: Comparison("finetune.encoders", task_names(1), baselines=True, constant=True, pretraining=True),
    2: Comparison("finetune.encoders", task_names(2), baselines=True, pretraining=True),
    3: Comparison("report.table3", task_names(3), random=True, pretraining=True),
    4: Comparison("reconstruction.encoders", results="reconstruction"),
    7: Comparison("finetune.encoders", "finetune.tasks", baselines=True, constant=True),
}
FIGURES = {
    "figure3a": Comparison("pretrain.runs", "report.figure3a", epochs=True, pretraining=True, part="a"),
    "figure3b": Comparison("finetune.few_shot.encoders", "finetune.few_shot.tasks", results="few_shot", part="b"),
    "scaling": Comparison("report.scaling", task_names(3), random=True, pretraining=True, part="scaling"),
}


@dataclass(frozen=True)
class TableInputs:
    """The inputs of a table.

    Attributes:
        metrics: ``metrics.json`` of all results.
        encoders: the encoders that the table may contain.
        scale: ``sample`` or ``paper``.
        pretrain: receipts of the pretraining runs.
    """

    metrics: Sequence[Path]
    encoders: Encoders
    scale: str
    pretrain: Sequence[Path] = ()


def table(number: int | str) -> Comparison:
    """Return what a table compares.

    Raises:
        MimicError: there is no table with this number.
    """
    known = {str(one): compared for one, compared in TABLES.items()}
    if str(number) not in known:
        remedy = f"known tables: {', '.join(known)}"
        raise MimicError(f"there is no table {number}", where=f"results/table{number}.csv", remedy=remedy)
    return known[str(number)]


def make_table(number: int | str, inputs: TableInputs) -> tuple[pd.DataFrame, str]:
    """Return the rows of a table, and its Markdown page.

    Raises:
        MimicError: there is no table with this number, or one of its input files is broken.
    """
    table(number)
    module = importlib.import_module(f"mimic_core.report.table{number}")
    rows: pd.DataFrame = module.make(inputs)
    return rows, module.markdown(rows, inputs)
