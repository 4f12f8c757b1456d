"""Table 7: how far each figure would move with another draw of test images (paper, appendix D.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.evaluation import DRAWS
from mimic_core.kit.errors import MimicError
from mimic_core.kit.escaping import markdown_table
from mimic_core.report.readings import AGAIN, FROZEN, REPORTED, Encoders, Measure, Result, is_number, read_results
from mimic_core.report.registry import Given

ESTIMATES = ("min", "max", "mean", "std")
NAMES = ("task", "metric", "unit", "model", "frozen", "dataset", "encoder")
ORIGIN = ("test_sets", "test_images", "seed", "seeds", "data", "scale", "receipt", "note")
COLUMNS = (*NAMES, "measured", *ESTIMATES, *ORIGIN)


def make(given: Given) -> tuple[pd.DataFrame, str]:
    """The table and its page."""
    table = table7(given.metrics, given.runs, given.scale, given.baselines, given.missing, given.short)
    return table, markdown(table, given.scale)


def table7(
    metrics: Sequence[Path],
    runs: Mapping[str, Any],
    scale: str,
    baselines: Mapping[str, Any] | None = None,
    missing: Mapping[str, str] | None = None,
    short: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Gather the error estimates: a row a task, reported metric, encoder and mode.

    Args:
        metrics: ``metrics.json`` of fine-tuning results.
        runs: the config's ``pretrain.runs``.
        scale: ``sample`` or ``paper``.
        baselines: the config's ``baselines``.
        missing: encoders that were left out -> reason; each is a row without numbers at the end.
        short: datasets that have fewer pairs than wanted -> how many.

    Returns:
        Rows by task, then constant, random weights, runs, baselines, each frozen before whole. ``measured`` is the
        figure on the test set itself, of the same seed as the estimates.

    Raises:
        MimicError: a file is broken or of an unknown encoder; it is named.
    """
    encoders = Encoders(runs, baselines or {}, missing or {}, short or {})
    results = read_results(metrics)
    tasks = {measure.task for measure in REPORTED}
    for result in results:
        encoders.label(result.encoder, result.path)
        if result.task not in tasks:
            remedy = f"known are {', '.join(sorted(tasks))}"
            raise MimicError(f"the task {result.task!r} is unknown", where=result.path, remedy=remedy)
    results.sort(key=lambda result: (encoders.order(result.encoder), result.mode != "frozen"))
    rows = [
        estimate(result, measure, encoders, scale)
        for measure in REPORTED
        for result in results
        if result.task == measure.task
    ]
    measured = {result.encoder for result in results}
    rows += [absent(name, reason, encoders) for name, reason in encoders.missing.items() if name not in measured]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def estimate(result: Result, measure: Measure, encoders: Encoders, scale: str) -> dict[str, Any]:
    """One result's row."""
    label = encoders.label(result.encoder, result.path)
    metric = measure.metric
    result.value(metric)
    found = result.bootstrap.get(metric)
    if found is not None and not all(is_number(found.get(name)) for name in ESTIMATES):
        raise MimicError(f"the error estimate of {metric} is not whole", where=result.path, remedy=AGAIN)
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


def absent(name: str, reason: str, encoders: Encoders) -> dict[str, Any]:
    """The row of an encoder that was left out."""
    label = encoders.label(name)
    empty = dict.fromkeys(COLUMNS, "")
    names = {"model": label.model, "frozen": "-", "dataset": label.dataset, "encoder": name}
    return {**empty, **names, "note": f"not run: {reason}"}


def markdown(table: pd.DataFrame, scale: str) -> str:
    """The table as a page to read, a section a metric."""
    lines = [
        "# Table 7",
        "",
        f"Error estimates ({scale} scale): {DRAWS} test sets, each as large as the real one, are drawn from its images"
        " with replacement; minimum, maximum, mean and standard deviation of the metric over them. The trained model"
        " stays the same (the first seed's), so this is the spread of the test images, not of training. The paper's"
        " own estimates are not part of this project: there is no column of them.",
        "",
    ]
    names = ["model", "frozen", "dataset", "encoder", "measured", *ESTIMATES, "test images", "data", "note"]
    for measure in REPORTED:
        rows = table[table["metric"] == measure.metric]
        if len(rows):
            cells = map(shown, rows.to_dict("records"))
            lines += [f"## {measure.title}", "", *markdown_table(names, names[4:10], cells)]
    left_out = table[table["metric"] == ""]
    if len(left_out):
        lines += ["## Not run", "", *markdown_table(names, names[4:10], map(shown, left_out.to_dict("records")))]
    return "\n".join(lines)


def shown(row: Mapping[Any, Any]) -> list[object]:
    """A row's cells on the page."""
    numbers = ["" if row[name] == "" else f"{float(row[name]):.2f}" for name in ("measured", *ESTIMATES)]
    names = [row[name] or "-" for name in ("model", "frozen", "dataset", "encoder")]
    return [*names, *numbers, row["test_images"], row["data"], row["note"]]
