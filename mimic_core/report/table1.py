"""Table 1: depth and normals from every encoder, frozen and whole, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.files import read_json

PAPER = Path(__file__).with_name("paper_table1.csv")
COLUMN = {"depth": "nyuv2_delta1", "normals": "taskonomy_l1"}
HIGHER_IS_BETTER = {"depth": True, "normals": False}
MODEL_LABELS = {"mae": "MAE", "croco": "CroCo", "dino": "DINO"}


@dataclass
class Row:
    """A row of the table; an empty string stands for a number that was not measured, ``note`` says why."""

    model: str
    frozen: str
    dataset: str
    nyuv2_delta1: float | str = ""
    nyuv2_delta1_std: float | str = ""
    nyuv2_delta1_paper: float | str = ""
    taskonomy_l1: float | str = ""
    taskonomy_l1_std: float | str = ""
    taskonomy_l1_paper: float | str = ""
    seeds: int | str = ""
    scale: str = ""
    pretraining_pairs: int | str = ""
    nyuv2_data: str = ""
    taskonomy_data: str = ""
    nyuv2_receipt: str = ""
    taskonomy_receipt: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What the paper names a row by."""
        return self.model, self.frozen, self.dataset


def table1(metrics: Sequence[Path], pretrain: Sequence[Path], runs: Mapping[str, Any], scale: str) -> pd.DataFrame:
    """Gather the table: the floor first, then the paper's rows in its order, then rows the paper has not.

    Args:
        metrics: ``metrics.json`` of every fine-tuning result.
        pretrain: receipts of the pretraining runs.
        runs: the config's ``pretrain.runs``: run -> model and dataset.
        scale: ``sample`` or ``paper``.

    A row of the paper for which nothing was run stays empty and says so; no number is invented.
    """
    pairs = {path.parent.name: read_json(path)["statistics"]["training_pairs"] for path in pretrain}
    measured: dict[tuple[str, str, str], Row] = {}
    for path in metrics:
        result = read_json(path)
        row = labelled(result, runs)
        row = measured.setdefault(row.key, row)
        fill(row, result, path, scale, pairs.get(result["encoder"], ""))
    paper = pd.read_csv(PAPER, keep_default_na=False)
    rows = [row for row in measured.values() if not row.dataset or row.model == "constant prediction"]
    rows.sort(key=lambda row: (row.model != "constant prediction", row.frozen != "yes"))
    for record in paper.to_dict("records"):
        empty = not_run(record["model"], record["frozen"], record["dataset"])
        row = measured.pop(empty.key, empty)
        row.nyuv2_delta1_paper, row.taskonomy_l1_paper = record["nyuv2_delta1"], record["taskonomy_l1"]
        row.note = "; ".join(filter(None, [row.note, record["remark"]]))
        rows.append(row)
    rows += [row for row in measured.values() if row not in rows]
    return pd.DataFrame([asdict(row) for row in rows])


def labelled(result: Mapping[str, Any], runs: Mapping[str, Any]) -> Row:
    """An empty row under the paper's names."""
    frozen = {"frozen": "yes", "whole": "no"}.get(result["mode"], "-")
    if result["mode"] == "constant":
        return Row("constant prediction", "-", "")
    if result["encoder"] == "random":
        return Row("random weights", frozen, "")
    run = runs[result["encoder"]]
    return Row(MODEL_LABELS[run["model"]], frozen, run["dataset"].upper())


def fill(row: Row, result: Mapping[str, Any], path: Path, scale: str, pairs: int | str) -> None:
    """Enter one task's result."""
    column = COLUMN[result["task"]]
    task = column.partition("_")[0]
    std = result["std"][result["metric"]]
    setattr(row, column, round(result["mean"][result["metric"]], 2))
    setattr(row, f"{column}_std", "" if std is None else round(std, 2))
    setattr(row, f"{task}_data", result["data"])
    setattr(row, f"{task}_receipt", path.with_name("receipt.json").as_posix())
    row.seeds, row.scale, row.pretraining_pairs = len(result["seeds"]), scale, pairs


def not_run(model: str, frozen: str, dataset: str) -> Row:
    """An empty row of the paper's, with the reason."""
    if dataset.startswith("MIMIC"):
        reason = f"not run: config has no pretraining run of {model} on {dataset}"
    else:
        reason = f"not run: needs a released checkpoint of {model} on {dataset}"
    return Row(model, frozen, dataset, note=reason)


def markdown(table: pd.DataFrame, pretrain: Iterable[Path], scale: str) -> str:
    """The table as a page to read: the numbers, pretraining beneath, and the gain over random weights."""
    lines = ["# Table 1", ""]
    if scale == "sample":
        lines += [
            "> **Sample scale.** Ours were obtained on the sample world (small procedural flats, small encoders,"
            " minutes of training); the paper's on NYUv2 and Taskonomy with ViT-B. The two must not be compared.",
            "",
        ]
    lines += [
        "| model | frozen | dataset | depth delta1 (%) ↑ | paper | normals L1 (x1000) ↓ | paper | data | note |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for row in table.to_dict("records"):
        data = ", ".join(dict.fromkeys(filter(None, [row["nyuv2_data"], row["taskonomy_data"]])))
        cells = [
            row["model"],
            row["frozen"],
            row["dataset"] or "-",
            with_spread(row["nyuv2_delta1"], row["nyuv2_delta1_std"]),
            row["nyuv2_delta1_paper"],
            with_spread(row["taskonomy_l1"], row["taskonomy_l1_std"]),
            row["taskonomy_l1_paper"],
            data,
            row["note"],
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    lines += ["", "Mean ± standard deviation over seeds. An empty cell was not measured; the note says why.", ""]
    return "\n".join(lines + against_random(table) + pretraining_lines(pretrain))


def with_spread(mean: float | str, std: float | str) -> str:
    """``41.20 ± 0.35``, or nothing where nothing was measured."""
    if mean == "":
        return ""
    return f"{float(mean):.2f}" if std == "" else f"{float(mean):.2f} ± {float(std):.2f}"


def against_random(table: pd.DataFrame) -> list[str]:
    """What pretraining brings over random weights in the same mode, as measured."""
    random = {row["frozen"]: row for row in table.to_dict("records") if row["model"] == "random weights"}
    lines = [
        "## Against random weights",
        "",
        "Positive is better. `±` combines both rows' spread over seeds; a difference within it shows nothing.",
        "",
        "| model | frozen | dataset | depth delta1 | normals L1 |",
        "| --- | --- | --- | ---: | ---: |",
    ]
    for row in table.to_dict("records"):
        floor = random.get(row["frozen"])
        if not row["dataset"] or not floor or (row["nyuv2_delta1"] == "" and row["taskonomy_l1"] == ""):
            continue
        cells = [difference(row, floor, task) for task in COLUMN]
        lines.append("| " + " | ".join([row["model"], row["frozen"], row["dataset"], *cells]) + " |")
    return [*lines, ""]


def difference(row: Mapping[Any, Any], floor: Mapping[Any, Any], task: str) -> str:
    """Gain of a row over the floor, its sign turned so that positive is better."""
    column = COLUMN[task]
    if row[column] == "" or floor[column] == "":
        return ""
    gain = (float(row[column]) - float(floor[column])) * (1 if HIGHER_IS_BETTER[task] else -1)
    stds = [float(one[f"{column}_std"] or 0) for one in (row, floor)]
    return f"{gain:+.2f} ± {(stds[0] ** 2 + stds[1] ** 2) ** 0.5:.2f}"


def pretraining_lines(receipts: Iterable[Path]) -> list[str]:
    """How each pretraining went: the losses, and CroCo's cross-view gain."""
    lines = [
        "## Pretraining",
        "",
        "Loss on normalised pixels of hidden patches, in training and on held-out units. The cross-view gain is how"
        " much the held-out loss rises when the second view is taken from another pair.",
        "",
        "| run | pairs | iterations | loss, start | end | held out, start | end | with a shuffled view | gain |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for path in receipts:
        statistics = read_json(path)["statistics"]
        names = ("first_loss", "last_loss", "val_loss_first", "val_loss", "val_loss_shuffled", "cross_view_gain")
        losses = ["-" if statistics.get(name) is None else f"{statistics[name]:.3f}" for name in names]
        counts = [f"{statistics['training_pairs']:,}", f"{statistics['iterations']:,}"]
        lines.append("| " + " | ".join([path.parent.name, *counts, *losses]) + " |")
    return [*lines, ""]
