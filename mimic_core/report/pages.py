"""Format the tables as Markdown pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mimic_core.kit.escaping import markdown, markdown_table
from mimic_core.report.encoders import RANDOM
from mimic_core.report.readings import Measure
from mimic_core.report.rows import Table


def sample_warning(scale: str, on: Iterable[str]) -> list[str]:
    """Return the warning that starts a page at sample scale, or no lines at paper scale."""
    if scale != "sample":
        return []
    *others, last = dict.fromkeys(on)
    datasets = f"{', '.join(others)} and {last}" if others else last
    return [
        "> **Sample scale.** Ours were obtained on the sample world (small procedural flats, small encoders, minutes"
        f" of training); the paper's on {datasets} with ViT-B. The two must not be compared.",
        "",
    ]


def page(table: Table, frame: pd.DataFrame, scale: str) -> str:
    """Format a table of :func:`mimic_core.report.rows.build`, followed by the gain over random weights."""
    names = ["model", *(["frozen"] if table.by_mode else []), "dataset", "encoder"]
    titles = [title for measure in table.measures for title in (measure.title, measure.paper)]
    right = [*titles, "seeds", "test images"]
    rows = []
    for row in frame.to_dict("records"):
        cells = [row[name] or "-" for name in names]
        for measure in table.measures:
            mean, std = row[measure.column], row[f"{measure.column}_std"]
            cells += [with_spread(mean, std), row[f"{measure.column}_paper"]]
        data = [row[f"{place}_data"] for place in table.places if row[f"{place}_data"]]
        images = [str(row[f"{place}_test_images"]) for place in table.places if row[f"{place}_data"]]
        rows.append([*cells, row["seeds"], ", ".join(images), ", ".join(dict.fromkeys(data)), row["note"]])
    return "\n".join(
        [
            f"# {table.title}",
            "",
            *sample_warning(scale, (measure.on for measure in table.measures)),
            *markdown_table([*names, *titles, "seeds", "test images", "data", "note"], right, rows),
            "Mean ± standard deviation over seeds. An empty cell was not measured; the note says why. Test images are"
            " those of each task, in the order of the columns.",
            "",
            *how_measured(table, frame),
            *against_random(table, frame, names),
        ]
    )


def how_measured(table: Table, frame: pd.DataFrame) -> list[str]:
    """Describe the protocol of each task, if known, and link to the page on differences from the paper."""
    words: dict[str, list[str]] = {}
    for measure in table.measures:
        found = [text for text in dict.fromkeys(frame[f"{measure.place}_protocol"]) if text]
        words.setdefault(measure.task, []).extend(text for text in found if text not in words.get(measure.task, []))
    lines = [f"- {task}: {markdown('; '.join(texts))}" for task, texts in words.items() if texts]
    fidelity = "Where this differs from the paper: [docs/fidelity.md](../docs/fidelity.md)."
    return ["How images were cut out and tested:", "", *lines, "", fidelity, ""] if lines else [fidelity, ""]


def with_spread(mean: float | str, std: float | str) -> str:
    """Format a number as ``41.20 ± 0.35``, or as an empty string if nothing was measured."""
    if mean == "":
        return ""
    return f"{float(mean):.2f}" if std == "" else f"{float(mean):.2f} ± {float(std):.2f}"


def against_random(table: Table, frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the section on the gain of pretraining over random weights in the same mode."""
    floors = {row.get("frozen"): row for row in frame.to_dict("records") if row["model"] == RANDOM}
    rows = []
    for row in frame.to_dict("records"):
        floor = floors.get(row.get("frozen"))
        if not row["dataset"] or not floor or all(row[measure.column] == "" for measure in table.measures):
            continue
        rows.append([*(row[name] for name in names), *(difference(row, floor, measure) for measure in table.measures)])
    if not rows:
        return []
    words = [measure.words for measure in table.measures]
    return [
        "## Against random weights",
        "",
        "Positive is better. `±` combines both rows' spread over seeds; a difference within it shows nothing. Without"
        " `±` a row has a single seed, and its spread is not known.",
        "",
        *markdown_table([*names, *words], words, rows),
    ]


def difference(row: Mapping[Any, Any], floor: Mapping[Any, Any], measure: Measure) -> str:
    """Format the gain of a row over the floor, with the sign chosen so that positive is better."""
    if row[measure.column] == "" or floor[measure.column] == "":
        return ""
    gain = (float(row[measure.column]) - float(floor[measure.column])) * (1 if measure.higher else -1)
    stds = [one[f"{measure.column}_std"] for one in (row, floor)]
    if "" in stds:
        return f"{gain:+.2f}"
    return f"{gain:+.2f} ± {sum(float(std) ** 2 for std in stds) ** 0.5:.2f}"
