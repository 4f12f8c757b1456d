"""Build the paper's tables: its rows in its order, our numbers beside the paper's, notes on missing numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.report.encoders import Encoders, Label
from mimic_core.report.readings import FROZEN, Measure, Result, run_statistics
from mimic_core.report.registry import TableInputs

Key = tuple[str, str, str]  # model, frozen, dataset


@dataclass(frozen=True)
class Table:
    """The layout of a table.

    Attributes:
        title: its heading.
        measures: its columns of numbers, in the paper's order.
        paper: CSV file of the paper's numbers, with the same column names and a ``remark``.
        by_mode: frozen and whole get separate rows; otherwise each measure sets its mode.
    """

    title: str
    measures: tuple[Measure, ...]
    paper: Path
    by_mode: bool = True

    @property
    def places(self) -> list[str]:
        """The datasets of the measures, one for each result in a row."""
        return list(dict.fromkeys(measure.place for measure in self.measures))


@dataclass
class Row:
    """A row of an encoder in one mode (or in the modes of the measures), or a row of the paper that we did not run."""

    label: Label
    frozen: str
    reason: str = ""
    results: dict[str, Result] = field(default_factory=dict)
    paper: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """The names that identify a row in the paper."""
        return self.label.model, self.frozen, self.label.dataset


def build(table: Table, results: Sequence[Result], inputs: TableInputs) -> pd.DataFrame:
    """Build a table: first the floor, then the paper's rows in their order, then rows that the paper does not have.

    Args:
        table: its layout.
        results: of any tasks; those of other tasks or modes than the table's are ignored.
        inputs: where they come from, and the encoders. A row of the paper that was not run stays empty, and its note
            says so.

    Returns:
        One row per encoder and mode. A cell is empty if nothing was measured; ``note`` says why. Two encoders with the
        same name in the paper get two rows, both with the paper's numbers.

    Raises:
        MimicError: a file is broken, or a result is of an unknown encoder or lacks a metric.
    """
    encoders, scale = inputs.encoders, inputs.scale
    pairs = run_statistics(inputs.pretrain, "training_pairs")
    measured = measured_rows(table, results, encoders)
    rows = [row for row in measured if not row.label.dataset]
    rest = [row for row in measured if row.label.dataset]
    absent = dict(encoders.missing)
    for row in rest:
        absent.pop(row.label.encoder, None)
    unnamed = dict(absent)
    for record in pd.read_csv(table.paper, dtype=str, keep_default_na=False).to_dict("records"):
        key = (record["model"], record.get("frozen", ""), record["dataset"])
        named = [row for row in rest if row.key == key]
        for name, reason in absent.items():
            label = encoders.label(name)
            if (label.model, label.dataset) == (key[0], key[2]):
                named.append(Row(label, key[1], f"not run: {reason}"))
                unnamed.pop(name, None)
        for row in named or [Row(Label("", key[0], key[2]), key[1], not_run(key, encoders))]:
            row.paper = {str(column): value for column, value in record.items()}
            rows.append(row)
    rows += [row for row in rest if not row.paper]
    rows += [
        Row(encoders.label(name), "-" if table.by_mode else "", f"not run: {reason}")
        for name, reason in unnamed.items()
    ]
    return pd.DataFrame([row_cells(row, table, pairs, scale) for row in rows])


def measured_rows(table: Table, results: Sequence[Result], encoders: Encoders) -> list[Row]:
    """Return the rows that have a result, sorted: constant, random weights, runs, baselines; frozen before whole."""
    rows: dict[tuple[str, str], Row] = {}
    for result in results:
        for measure in table.measures:
            if measure.task != result.task or measure.mode not in (None, result.mode):
                continue
            frozen = FROZEN[result.mode] if table.by_mode else ""
            label = encoders.label(result.encoder, result.path)
            rows.setdefault((result.encoder, frozen), Row(label, frozen)).results[measure.place] = result
    return sorted(rows.values(), key=lambda row: (encoders.order(row.label.encoder), row.frozen != "yes"))


def not_run(key: Key, encoders: Encoders) -> str:
    """Explain why a row of the paper is empty."""
    model, frozen, dataset = key
    for label in encoders.labels():
        if (label.model, label.dataset) == (model, dataset):
            mode = {"yes": ", frozen", "no": ", whole"}.get(frozen, "")
            return f"not run: there is no result of {label.encoder}{mode}"
    if dataset.startswith("MIMIC"):
        return f"not run: config has no pretraining run of {model} on {dataset}"
    return f"not run: needs a released checkpoint of {model} on {dataset}"


def row_cells(row: Row, table: Table, pairs: Mapping[str, int], scale: str) -> dict[str, Any]:
    """Return the cells of a row: names, numbers, and what they were measured on."""
    found: dict[str, Any] = {"model": row.label.model}
    if table.by_mode:
        found["frozen"] = row.frozen
    found |= {"dataset": row.label.dataset, "encoder": row.label.encoder}
    empty = []
    for measure in table.measures:
        result = row.results.get(measure.place)
        mean, std = result.value(measure.metric) if result else (None, None)
        found[measure.column] = "" if mean is None else round(mean, 2)
        found[f"{measure.column}_std"] = "" if std is None else round(std, 2)
        found[f"{measure.column}_paper"] = row.paper.get(measure.column, "")
        if result is None:
            empty.append(measure.words)
    found["seeds"] = seed_count(row.results)
    found["scale"] = scale if row.results else ""
    found["pretraining_pairs"] = pairs.get(row.label.encoder, "") if row.results else ""
    for column in ("data", "test_images", "protocol", "receipt"):
        for place in table.places:
            found[f"{place}_{column}"] = getattr(row.results[place], column) if place in row.results else ""
    found["units"] = "; ".join(f"{measure.column}: {measure.unit}" for measure in table.measures)
    partly = f"not run: {', '.join(empty)}" if row.results and empty else ""
    remark = row.label.remark if row.results else ""
    left_out = [row.results[place].remark for place in table.places if place in row.results]
    notes = [row.reason, partly, remark, *left_out, row.paper.get("remark", "")]
    found["note"] = "; ".join(dict.fromkeys(filter(None, notes)))
    return found


def seed_count(results: Mapping[str, Result]) -> int | str:
    """Return the number of seeds, or a list by dataset if the results differ in it."""
    counts = {place: len(result.seeds) for place, result in results.items()}
    if len(set(counts.values())) == 1:
        return next(iter(counts.values()))
    return ", ".join(f"{place} {count}" for place, count in counts.items())
