"""Figure 3: tasks over (a) pretraining epochs and (b) training images, and a scaling figure over pretraining pairs.

The paper has no scaling figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path
from mimic_core.report.encoders import RANDOM, Encoders
from mimic_core.report.readings import FROZEN, REPORTED, Measure, Result, read_results

Part = Literal["a", "b", "scaling"]
AXIS = {
    "a": ("epoch", "epochs of pretraining"),
    "b": ("train_images", "training images"),
    "scaling": ("pairs", "pretraining pairs, as many iterations each"),
}
WANTED = {
    "a": "pretrain.runs.<run>.save_encoders_at",
    "b": "finetune.few_shot.train_images",
    "scaling": "report.scaling",
}
TITLES = {measure.task: measure.title for measure in reversed(REPORTED)}  # the first metric of each task
COLOURS = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
WRAP = 60  # characters of small print per panel
GREY = "0.55"  # random weights


def figure3a(metrics: Sequence[Path], epochs: Mapping[str, int], encoders: Encoders, scale: str) -> pd.DataFrame:
    """Return the points of figure 3a, one row per task, run, mode and epoch of pretraining.

    Args:
        metrics: ``metrics.json`` of encoders of single epochs (``run@epoch``), of finished runs, and of random weights.
        epochs: pretraining run -> its number of epochs, the position of its final encoder.
        encoders: their labels.
        scale: ``sample`` or ``paper``.

    Returns:
        Rows sorted by task, encoder, mode, epoch. Random weights and encoders that were left out have no epoch.

    Raises:
        MimicError: a file is broken or of an unknown encoder, a run's number of epochs is unknown, or there are no
            results.
    """
    rows: dict[tuple[object, ...], dict[str, Any]] = {}
    for result, measure in with_measures(read_results(metrics)):
        run, _, epoch = result.encoder.partition("@")
        if run != "random" and not epoch.isdigit() and (epoch or run not in epochs):
            remedy = "pass the receipt of its pretraining run"
            raise MimicError(f"the number of epochs of {run} is unknown", where=result.path, remedy=remedy)
        at: int | str = "" if run == "random" else int(epoch) if epoch else epochs[run]
        key = (result.task, run, result.mode, at)
        if key not in rows or not epoch:  # the run's own encoder is preferred over that of its last epoch
            rows[key] = point_row(result, measure, encoders, scale) | {"encoder": run, "epoch": at}
    return points_table("a", rows.values(), encoders)


def figure3b(metrics: Sequence[Path], encoders: Encoders, scale: str) -> pd.DataFrame:
    """Return the points of figure 3b, one row per task, encoder, mode and number of training images.

    Args:
        metrics: ``metrics.json`` of few-shot results; their seeds are draws of the training images.
        encoders: the encoders' labels.
        scale: ``sample`` or ``paper``.

    Raises:
        MimicError: a file is broken or of an unknown encoder, or there are no results.
    """
    results = read_results(metrics, few_shot=True)
    rows = [
        point_row(result, measure, encoders, scale) | {"train_images": result.train_images}
        for result, measure in with_measures(results)
    ]
    return points_table("b", rows, encoders)


def scaling(metrics: Sequence[Path], pairs: Mapping[str, int], encoders: Encoders, scale: str) -> pd.DataFrame:
    """Return the points of the scaling figure, one row per task, model, mode and number of pretraining pairs.

    Args:
        metrics: ``metrics.json`` of the compared runs, and of random weights.
        pairs: pretraining run -> number of pairs that it was trained on.
        encoders: their labels.
        scale: ``sample`` or ``paper``.

    Returns:
        Rows whose ``mean`` and ``std`` are over the runs of one dataset if there are several (with different seeds),
        and otherwise over the seeds of fine-tuning. ``runs`` counts those runs or seeds.

    Raises:
        MimicError: a file is broken or of an unknown encoder, a run's number of pairs is unknown, or there are no
            results.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for result, measure in with_measures(read_results(metrics)):
        run = result.encoder
        if run != "random" and run not in pairs:
            remedy = "pass the receipt of its pretraining run"
            raise MimicError(f"the number of pairs of {run} is unknown", where=result.path, remedy=remedy)
        row = point_row(result, measure, encoders, scale) | {"pairs": pairs.get(run, "")}
        groups.setdefault((result.task, result.mode, row["model"], row["dataset"]), []).append(row)
    return points_table("scaling", [average_runs(rows) for rows in groups.values()], encoders)


def average_runs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the rows of runs that differ only by their seeds into one."""
    if len(rows) == 1:
        return dict(rows[0])
    values = pd.Series([row["mean"] for row in rows], dtype=float)
    pairs = round(float(pd.Series([row["pairs"] for row in rows], dtype=float).mean()))
    return {
        **rows[0],
        "mean": round(float(values.mean()), 4),
        "std": round(float(values.std()), 4),
        "runs": len(rows),
        "pairs": pairs,
    }


def with_measures(results: Sequence[Result]) -> list[tuple[Result, Measure]]:
    """Pair each result with the metric to draw for its task.

    Raises:
        MimicError: a task is unknown, or a result is of a constant prediction.
    """
    measures = {measure.task: measure for measure in reversed(REPORTED)}
    for result in results:
        if result.task not in measures or result.mode == "constant":
            raise MimicError("not a trained model on a known task", where=result.path, remedy="leave it out")
    return [(result, measures[result.task]) for result in results]


def point_row(result: Result, measure: Measure, encoders: Encoders, scale: str) -> dict[str, Any]:
    """Return the row of a result, without its x-value."""
    mean, std = result.value(measure.metric)
    label = encoders.label(result.encoder.partition("@")[0], result.path)
    return {
        "task": result.task,
        "metric": measure.metric,
        "unit": measure.unit,
        "model": label.model,
        "dataset": label.dataset,
        "encoder": result.encoder,
        "frozen": FROZEN[result.mode],
        "mean": round(mean, 4),
        "std": "" if std is None else round(std, 4),
        "runs": len(result.seeds),
        "test_images": result.test_images,
        "data": result.data,
        "scale": scale,
        "note": label.remark,
    }


def points_table(part: Part, rows: Iterable[Mapping[str, Any]], encoders: Encoders) -> pd.DataFrame:
    """Return the rows as a sorted table, followed by the encoders that were left out.

    Raises:
        MimicError: there are no rows.
    """
    axis = AXIS[part][0]
    tasks = list(dict.fromkeys(measure.task for measure in REPORTED))
    ordered = sorted(
        rows,
        key=lambda row: (
            tasks.index(row["task"]),
            (row["model"] != RANDOM, row["model"]) if part == "scaling" else encoders.order(row["encoder"]),
            row["frozen"] != "yes",
            row[axis] or 0,
        ),
    )
    if not ordered:
        raise MimicError("there are no results to draw", where="--metrics", remedy=f"set {WANTED[part]} in the config")
    columns = ["task", "metric", "unit", "model", "dataset", "encoder", "frozen", axis, "mean", "std", "runs"]
    columns += ["test_images", "data", "scale", "note"]
    measured = {row["encoder"] for row in ordered}
    for name in encoders.missing:
        if name not in measured:
            label = encoders.label(name)
            names = {"model": label.model, "dataset": label.dataset, "encoder": name}
            ordered.append({**dict.fromkeys(columns, ""), **names, "note": f"not run: {encoders.missing[name]}"})
    return pd.DataFrame(ordered, columns=columns)


def draw_figure3(part: Part, table: pd.DataFrame, png: Path, pdf: Path, dpi: int) -> None:
    """Draw one panel per task, with a line per encoder (``scaling``: per model) and mode, and write PNG and PDF.

    Args:
        part: ``a``, ``b`` or ``scaling``.
        table: the result of :func:`figure3a`, :func:`figure3b` or :func:`scaling`.
        dpi: resolution of the PNG.

    Error bars are standard deviations over seeds (a), draws of the training images (b), or whatever ``runs`` counts
    (scaling).
    """
    drawn = table[table["task"] != ""]
    tasks = list(drawn["task"].unique())
    of = "model" if part == "scaling" else "encoder"
    lines = list(dict.fromkeys(zip(drawn[of], drawn["frozen"], strict=True)))
    colours = colours_of([name for name, _ in lines])
    figure, panels = plt.subplots(
        1, len(tasks), figsize=(1 + 3.6 * len(tasks), 3.4 + 0.1 * len(lines)), squeeze=False, layout="constrained"
    )
    for axes, task in zip(panels[0], tasks, strict=True):
        rows = drawn[drawn["task"] == task]
        for name, frozen in lines:
            line = rows[(rows[of] == name) & (rows["frozen"] == frozen)]
            if len(line):
                draw_line(axes, part, line.sort_values(AXIS[part][0]), colours[name])
        decorate(axes, part, task, rows)
    found = [axes.get_legend_handles_labels() for axes in panels[0]]
    unique = {label: handle for handles, labels in found for label, handle in zip(labels, handles, strict=True)}
    absent = ", ".join(table[table["task"] == ""]["encoder"])
    title = textwrap.fill(f"not run (the data say why): {absent}", WRAP * len(tasks)) if absent else None
    figure.legend(
        list(unique.values()),
        list(unique),
        loc="outside lower center",
        ncols=min(2, len(tasks)),
        frameon=False,
        fontsize=8,
        title=title,
        title_fontsize=7,
    )
    for path in (png, pdf):
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    plt.close(figure)


def colours_of(encoders: Sequence[str]) -> dict[str, Any]:
    """Assign a colour to each encoder; random weights are grey."""
    trained = [encoder for encoder in dict.fromkeys(encoders) if encoder not in ("random", RANDOM)]
    return {"random": GREY, RANDOM: GREY} | {
        encoder: COLOURS[index % len(COLOURS)] for index, encoder in enumerate(trained)
    }


def draw_line(axes: Axes, part: Part, line: pd.DataFrame, colour: Any) -> None:
    """Draw one encoder in one mode: dashed if frozen, a horizontal line for random weights without an x-value."""
    first = line.iloc[0]
    style = "--" if first["frozen"] == "yes" else "-"
    mode = {"yes": "frozen", "no": "whole"}[first["frozen"]]
    plain = first["model"] == RANDOM or part == "scaling"
    name = first["model"] if plain else f"{first['model']} {first['dataset']} ({first['encoder']})"
    label = f"{name}, {mode}"
    axis = AXIS[part][0]
    if first[axis] == "":
        axes.axhline(float(first["mean"]), color=colour, linestyle=style, linewidth=1, label=label)
        return
    spread = pd.to_numeric(line["std"])  # unknown for a single seed: no error bar
    axes.errorbar(
        line[axis].astype(float),
        line["mean"].astype(float),
        yerr=None if spread.isna().all() else spread,
        color=colour,
        linestyle=style,
        marker="o",
        markersize=3.5,
        linewidth=1.4,
        elinewidth=0.8,
        capsize=2,
        label=label,
    )


def decorate(axes: Axes, part: Part, task: str, rows: pd.DataFrame) -> None:
    """Add the title, axis labels and ticks to a panel."""
    axis, name = AXIS[part]
    runs = sorted(set(rows["runs"]))
    of = {"a": "seeds", "b": "draws", "scaling": "runs or seeds"}[part]
    count = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    axes.set_title(f"{', '.join(rows['data'].unique())}, {rows['scale'].iloc[0]} scale ({count} {of})", fontsize=9)
    axes.set_xlabel(name, fontsize=9)
    axes.set_ylabel(TITLES[task], fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if part == "a":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        counts = sorted({count for count in rows[axis] if count != ""})
        axes.set_xscale("log")
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.minorticks_off()
