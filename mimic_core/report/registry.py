"""The tables, and the figures drawn from the same results: what each compares. A table's own file writes it.

The rules read this while they plan, so nothing here imports pandas before a table is made.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimic_core.finetune import tasks_of
from mimic_core.kit.errors import MimicError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """What a table or figure compares.

    Attributes:
        encoders: the config key, dotted, that names them.
        tasks: whose results are shown; or the config key that names them.
        results: what kind of results these are.
        random: random weights are compared too.
        baselines: every released checkpoint of the config is compared too, where its file is there.
        constant: with the best constant predictions.
        epochs: not the encoders of ``encoders``, but those of single epochs of every run that keeps them.
        pretraining: the receipts of the pretraining runs are read.
        part: of a figure, its name in :mod:`mimic_core.report.figure3`.
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


def names_of(table: int) -> tuple[str, ...]:
    """Names of the tasks of one of the paper's tables."""
    return tuple(task.name for task in tasks_of(table))


# Number -> what it compares; `mimic_core/report/table<number>.py` makes it
TABLES = {
    1: Comparison("finetune.encoders", names_of(1), baselines=True, constant=True, pretraining=True),
    2: Comparison("finetune.encoders", names_of(2), baselines=True, pretraining=True),
    3: Comparison("report.table3", names_of(3), random=True, pretraining=True),
    4: Comparison("reconstruction.encoders", results="reconstruction"),
    7: Comparison("finetune.encoders", "finetune.tasks", baselines=True, constant=True),
}
FIGURES = {
    "figure3a": Comparison("pretrain.runs", "report.figure3a", epochs=True, pretraining=True, part="a"),
    "figure3b": Comparison("finetune.few_shot.encoders", "finetune.few_shot.tasks", results="few_shot", part="b"),
    "scaling": Comparison("report.scaling", names_of(3), random=True, pretraining=True, part="scaling"),
}


@dataclass(frozen=True)
class Given:
    """What a table is made from.

    Attributes:
        metrics: ``metrics.json`` of every result.
        runs: the config's ``pretrain.runs``: run -> model and dataset.
        scale: ``sample`` or ``paper``.
        pretrain: receipts of the pretraining runs.
        baselines: the config's ``baselines``: name -> model, dataset and licence.
        missing: encoders that were left out -> reason.
        short: datasets that have fewer pairs than wanted -> how many.
    """

    metrics: Sequence[Path]
    runs: Mapping[str, Any]
    scale: str
    pretrain: Sequence[Path] = ()
    baselines: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)


def table(number: int | str) -> Comparison:
    """What a table compares.

    Raises:
        MimicError: there is no table of this number.
    """
    known = {str(one): compared for one, compared in TABLES.items()}
    if str(number) not in known:
        remedy = f"ask for one of the tables {', '.join(known)}"
        raise MimicError(f"there is no table {number}", where=f"results/table{number}.csv", remedy=remedy)
    return known[str(number)]


def make_table(number: int | str, given: Given) -> tuple[pd.DataFrame, str]:
    """Make a table: its rows, and the page to read.

    Raises:
        MimicError: there is no table of this number, or a file that it reads is broken; it is named.
    """
    table(number)
    make: Callable[[Given], tuple[pd.DataFrame, str]]
    make = importlib.import_module(f"mimic_core.report.table{number}").make
    return make(given)
