"""Figure 3: (a) a task over the epochs of pretraining, (b) over the number of training images; and over the number of
pairs that encoders were pretrained on, which the paper leaves open.
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
from mimic_core.report.readings import FROZEN, RANDOM, REPORTED, Encoders, Measure, Result, read_results

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
TITLES = {measure.task: measure.title for measure in reversed(REPORTED)}  # a task of two is drawn by its first
COLOURS = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
WRAP = 60  # letters of small print a panel
GREY = "0.55"  # random weights


def figure3a(metrics: Sequence[Path], epochs: Mapping[str, int], encoders: Encoders, scale: str) -> pd.DataFrame:
    """The points of figure 3a: a row a task, run, mode and epoch of pretraining.

    Args:
        metrics: ``metrics.json`` of encoders of single epochs (``run@epoch``), of finished runs, and of random weights.
        epochs: pretraining run -> its number of epochs, at which its last encoder stands.
        encoders: their labels.
        scale: ``sample`` or ``paper``.

    Returns:
        Rows in the order of tasks, encoders, modes, epochs. Random weights have no epoch, nor has what was left out.

    Raises:
        MimicError: a file is broken or of an unknown encoder, a run's number of epochs is not known, or there is none.
    """
    rows: dict[tuple[object, ...], dict[str, Any]] = {}
    for result, measure in reported(read_results(metrics)):
        run, _, epoch = result.encoder.partition("@")
        if run != "random" and not epoch.isdigit() and (epoch or run not in epochs):
            remedy = "give the receipt of its pretraining"
            raise MimicError(f"the epochs of {run} are not known", where=result.path, remedy=remedy)
        at: int | str = "" if run == "random" else int(epoch) if epoch else epochs[run]
        key = (result.task, run, result.mode, at)
        if key not in rows or not epoch:  # the last epoch's encoder is the run's own
            rows[key] = point(result, measure, encoders, scale) | {"encoder": run, "epoch": at}
    return points("a", rows.values(), encoders)


def figure3b(metrics: Sequence[Path], encoders: Encoders, scale: str) -> pd.DataFrame:
    """The points of figure 3b: a row a task, encoder, mode and number of training images.

    Args:
        metrics: ``metrics.json`` of few-shot results; their seeds are draws of the training images.
        encoders: the encoders' labels.
        scale: ``sample`` or ``paper``.

    Raises:
        MimicError: a file is broken or of an unknown encoder, or there is none.
    """
    results = read_results(metrics, few_shot=True)
    rows = [
        point(result, measure, encoders, scale) | {"train_images": result.train_images}
        for result, measure in reported(results)
    ]
    return points("b", rows, encoders)


def scaling(metrics: Sequence[Path], pairs: Mapping[str, int], encoders: Encoders, scale: str) -> pd.DataFrame:
    """The points of the scaling figure: a row a task, model, mode and number of pretraining pairs.

    Args:
        metrics: ``metrics.json`` of the runs that are compared, and of random weights.
        pairs: pretraining run -> number of pairs that it was trained on.
        encoders: their labels.
        scale: ``sample`` or ``paper``.

    Returns:
        ``mean`` and ``std`` are over the runs of one dataset where there are several, which differ by their seeds, else
        over the seeds of fine-tuning; ``runs`` counts which of these.

    Raises:
        MimicError: a file is broken or of an unknown encoder, a run's number of pairs is not known, or there is none.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for result, measure in reported(read_results(metrics)):
        run = result.encoder
        if run != "random" and run not in pairs:
            remedy = "give the receipt of its pretraining"
            raise MimicError(f"the pairs of {run} are not known", where=result.path, remedy=remedy)
        row = point(result, measure, encoders, scale) | {"pairs": pairs.get(run, "")}
        groups.setdefault((result.task, result.mode, row["model"], row["dataset"]), []).append(row)
    return points("scaling", [over_runs(rows) for rows in groups.values()], encoders)


def over_runs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row of the rows of runs that differ by their seeds."""
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


def reported(results: Sequence[Result]) -> list[tuple[Result, Measure]]:
    """Every result with the metric that is drawn of its task.

    Raises:
        MimicError: a task is unknown, or a result is a constant prediction's.
    """
    measures = {measure.task: measure for measure in reversed(REPORTED)}
    for result in results:
        if result.task not in measures or result.mode == "constant":
            raise MimicError("not a trained model of a known task", where=result.path, remedy="leave it out")
    return [(result, measures[result.task]) for result in results]


def point(result: Result, measure: Measure, encoders: Encoders, scale: str) -> dict[str, Any]:
    """One result's row, without its place on the axis."""
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


def points(part: Part, rows: Iterable[Mapping[str, Any]], encoders: Encoders) -> pd.DataFrame:
    """Rows as a table in order, and below them the encoders that were left out.

    Raises:
        MimicError: there is no row.
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
        raise MimicError("there is no result to draw", where="--metrics", remedy=f"set {WANTED[part]} in the config")
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
    """Draw the points, a panel a task and a line an encoder (of ``scaling``: a model) and mode, and write PNG and PDF.

    Args:
        part: ``a``, ``b`` or ``scaling``.
        table: of :func:`figure3a`, :func:`figure3b` or :func:`scaling`.
        dpi: dots an inch of the PNG.

    Bars are standard deviations, over seeds (a), draws of the training images (b), or what ``runs`` counts (scaling).
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
    """A colour an encoder; random weights are grey."""
    trained = [encoder for encoder in dict.fromkeys(encoders) if encoder not in ("random", RANDOM)]
    return {"random": GREY, RANDOM: GREY} | {
        encoder: COLOURS[index % len(COLOURS)] for index, encoder in enumerate(trained)
    }


def draw_line(axes: Axes, part: Part, line: pd.DataFrame, colour: Any) -> None:
    """One encoder in one mode: frozen is dashed; random weights have no epoch and are a level."""
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
    spread = pd.to_numeric(line["std"])  # a single seed's is not known: no bar
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
    """Title, names of the axes, and ticks where there are points."""
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
