"""Table 7: bootstrap error estimates of each metric over test images (paper, appendix D.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mimic_core.evaluation import DRAWS
from mimic_core.kit.errors import MimicError
from mimic_core.kit.escaping import markdown_table
from mimic_core.report.encoders import Encoders
from mimic_core.report.readings import AGAIN, FROZEN, REPORTED, Measure, Result, is_number, read_results
from mimic_core.report.registry import TableInputs

ESTIMATES = ("min", "max", "mean", "std")
NAMES = ("task", "metric", "unit", "model", "frozen", "dataset", "encoder")
ORIGIN = ("test_sets", "test_images", "seed", "seeds", "data", "scale", "receipt", "note")
COLUMNS = (*NAMES, "measured", *ESTIMATES, *ORIGIN)


def make(inputs: TableInputs) -> pd.DataFrame:
    """Build the table of error estimates, one row per task, reported metric, encoder and mode.

    Returns:
        Rows sorted by task, then constant, random weights, runs, baselines, each frozen before whole. ``measured`` is
        the metric on the test set itself, with the same seed as the estimates.

    Raises:
        MimicError: a file is broken or of an unknown encoder.
    """
    encoders = inputs.encoders
    results = read_results(inputs.metrics)
    tasks = {measure.task for measure in REPORTED}
    for result in results:
        encoders.label(result.encoder, result.path)
        if result.task not in tasks:
            remedy = f"known tasks: {', '.join(sorted(tasks))}"
            raise MimicError(f"unknown task {result.task!r}", where=result.path, remedy=remedy)
    results.sort(key=lambda result: (encoders.order(result.encoder), result.mode != "frozen"))
    rows = [
        estimate_row(result, measure, encoders, inputs.scale)
        for measure in REPORTED
        for result in results
        if result.task == measure.task
    ]
    measured = {result.encoder for result in results}
    rows += [missing_row(name, reason, encoders) for name, reason in encoders.missing.items() if name not in measured]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def estimate_row(result: Result, measure: Measure, encoders: Encoders, scale: str) -> dict[str, Any]:
    """Return the row of a result."""
    label = encoders.label(result.encoder, result.path)
    metric = measure.metric
    result.value(metric)
    found = result.bootstrap.get(metric)
    if found is not None and not all(is_number(found.get(name)) for name in ESTIMATES):
        raise MimicError(f"the error estimate of {metric} is incomplete", where=result.path, remedy=AGAIN)
    numbers = {name: round(found[name], 2) if found else "" for name in ESTIMATES}
    reason = "" if found else f"not run: the result has no error estimate of {metric}"
    return {
        "task": result.task,
        "metric": metric,
        "unit": measure.unit,
        "model": label.model,
        "frozen": FROZEN[result.mode],
        "dataset": label.dataset,
        "encoder": label.encoder,
        "measured": round(result.first[metric], 2),
        **numbers,
        "test_sets": DRAWS if found else "",
        "test_images": result.test_images,
        "seed": result.seeds[0],
        "seeds": len(result.seeds),
        "data": result.data,
        "scale": scale,
        "receipt": result.receipt,
        "note": "; ".join(filter(None, [reason, label.remark, result.remark])),
    }


def missing_row(name: str, reason: str, encoders: Encoders) -> dict[str, Any]:
    """Return the row of an encoder that was left out."""
    label = encoders.label(name)
    empty = dict.fromkeys(COLUMNS, "")
    names = {"model": label.model, "frozen": "-", "dataset": label.dataset, "encoder": name}
    return {**empty, **names, "note": f"not run: {reason}"}


def markdown(table: pd.DataFrame, inputs: TableInputs) -> str:
    """Format the table as a Markdown page, one section per metric."""
    lines = [
        "# Table 7",
        "",
        f"Error estimates ({inputs.scale} scale): {DRAWS} test sets, each as large as the real one, are drawn from its"
        " images with replacement; minimum, maximum, mean and standard deviation of the metric over them. The trained"
        " model stays the same (the first seed's), so this is the spread of the test images, not of training. The"
        " paper's own estimates are not part of this project: there is no column of them.",
        "",
    ]
    names = ["model", "frozen", "dataset", "encoder", "measured", *ESTIMATES, "test images", "data", "note"]
    for measure in REPORTED:
        rows = table[table["metric"] == measure.metric]
        if len(rows):
            cells = map(page_cells, rows.to_dict("records"))
            lines += [f"## {measure.title}", "", *markdown_table(names, names[4:10], cells)]
    left_out = table[table["metric"] == ""]
    if len(left_out):
        lines += ["## Not run", "", *markdown_table(names, names[4:10], map(page_cells, left_out.to_dict("records")))]
    return "\n".join(lines)


def page_cells(row: Mapping[Any, Any]) -> list[object]:
    """Format a row's cells for the page."""
    numbers = ["" if row[name] == "" else f"{float(row[name]):.2f}" for name in ("measured", *ESTIMATES)]
    names = [row[name] or "-" for name in ("model", "frozen", "dataset", "encoder")]
    return [*names, *numbers, row["test_images"], row["data"], row["note"]]
