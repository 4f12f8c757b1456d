"""Table 4: reconstruction of the masked patches of held-out pairs, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mimic_core.kit.errors import MimicError
from mimic_core.kit.escaping import markdown_table
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.report.encoders import Encoders, Label
from mimic_core.report.pages import sample_warning
from mimic_core.report.readings import AGAIN, is_number, read_object
from mimic_core.report.registry import TableInputs
from mimic_core.report.rows import not_run

PAPER = Path(__file__).with_name("paper_table4.csv")
DIGITS = {"loss": 4, "pixel_l2": 5, "fid": 2, "frechet": 4}  # decimals in the table
ERRORS = ("loss", "pixel_l2")  # measured per pair
SETS = ("fid", "frechet")  # measured over all pairs together; may be missing
NAMES = ("model", "dataset", "encoder")
SAME = ("dataset", "pairs", "mask_ratio", "frechet_encoder")  # must be equal in all results
NOT_RUN = "not_run"  # key of the reason, in the result of a model that cannot reconstruct
UNMEASURED = ("task", "encoder")  # the other keys of such a result
KEYS = ("task", "encoder", *SAME, "patches", "masks", *ERRORS, *SETS, "fid_reason")
COLUMNS = (
    *NAMES,
    *(column for name in ERRORS for column in (name, f"{name}_error")),
    *SETS,
    "frechet_encoder",
    "loss_paper",
    "fid_paper",
    "pairs",
    "patches",
    "mask_ratio",
    "data",
    "scale",
    "receipt",
    "note",
)


def make(inputs: TableInputs) -> pd.DataFrame:
    """Build the table: the paper's rows in their order, with our numbers, then rows that the paper does not have.

    Returns:
        One row per model. ``..._error`` is the standard deviation over bootstrap test sets. A cell is empty if nothing
        was measured; ``note`` says why.

    Raises:
        MimicError: a file is broken or of an unknown encoder, or two files are of different pairs or masks.
    """
    encoders = inputs.encoders
    found = read_reconstructions(inputs.metrics)
    rows = [row_of(path, content, encoders, inputs.scale) for path, content in found.items()]
    rows.sort(key=lambda row: encoders.order(row["encoder"]))
    done = {row["encoder"] for row in rows}
    rows += [
        empty_row(encoders.label(name), f"not run: {reason}")
        for name, reason in encoders.missing.items()
        if name not in done
    ]
    ordered = []
    for record in pd.read_csv(PAPER, dtype=str, keep_default_na=False).to_dict("records"):
        model, dataset = record["model"], record["dataset"]
        named = [row for row in rows if (row["model"], row["dataset"]) == (model, dataset)]
        for row in named or [empty_row(Label("", model, dataset), not_run((model, "", dataset), encoders))]:
            row |= {"loss_paper": record["loss"], "fid_paper": record["fid"]}
            row["note"] = "; ".join(filter(None, [row["note"], record["remark"]]))
            ordered.append(row)
    ordered += [row for row in rows if not row["loss_paper"]]
    return pd.DataFrame(ordered, columns=list(COLUMNS))


def read_reconstructions(paths: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Read the results and check that they are comparable.

    Raises:
        MimicError: a file is broken or does not match the receipt beside it, two files are of the same encoder, or two
            files are of different pairs or masked patches.
    """
    found: dict[Path, dict[str, Any]] = {}
    compare(with_receipts(paths))
    for path in paths:
        content = read_object(path)
        lacking = [key for key in (UNMEASURED if NOT_RUN in content else KEYS) if key not in content]
        if lacking:
            raise MimicError(f"the result has no key {lacking[0]!r}", where=path, remedy=AGAIN)
        if content["task"] != "reconstruction":
            remedy = "pass only results of reconstruct_run"
            raise MimicError(f"the result is of the task {content['task']!r}", where=path, remedy=remedy)
        for other_path, other in found.items():
            check_comparable(other_path, other, path, content)
        found[path] = content
    return found


def check_comparable(one_path: Path, one: Mapping[str, Any], path: Path, content: Mapping[str, Any]) -> None:
    """Raise an error if two results must not be in the same table."""
    where, remedy = f"{one_path} and {path}", "run both again with one config"
    if one["encoder"] == content["encoder"]:
        what = f"there are two results for {content['encoder']}"
        raise MimicError(what, where=where, remedy="pass only one of them")
    if NOT_RUN in one or NOT_RUN in content:
        return
    for key in SAME:
        if one[key] != content[key]:
            raise MimicError(f"{key} is {one[key]!r} and {content[key]!r}", where=where, remedy=remedy)
    if one["patches"] == content["patches"] and one["masks"] != content["masks"]:
        raise MimicError("the results are of different pairs or masked patches", where=where, remedy=remedy)


def row_of(path: Path, content: Mapping[str, Any], encoders: Encoders, scale: str) -> dict[str, Any]:
    """Return the row of a result: its numbers, or the reason why there are none."""
    if NOT_RUN not in content:
        return measured_row(path, content, encoders, scale)
    return empty_row(encoders.label(content["encoder"], path), f"not run: {content[NOT_RUN]}")


def measured_row(path: Path, content: Mapping[str, Any], encoders: Encoders, scale: str) -> dict[str, Any]:
    """Return the row of a result with numbers."""
    label = encoders.label(content["encoder"], path)
    row = empty_row(label, "")
    for name in ERRORS:
        try:
            mean, error = content[name]["mean"], content[name]["bootstrap"]["std"]
        except (KeyError, TypeError):
            raise MimicError(f"{name} has no mean and bootstrap", where=path, remedy=AGAIN) from None
        row |= {name: rounded(mean, name, path), f"{name}_error": rounded(error, name, path)}
    for name in SETS:
        row[name] = "" if content[name] is None else rounded(content[name], name, path)
    reason = f"no FID: {content['fid_reason']}" if content["fid_reason"] else ""
    row |= {key: content[key] for key in ("frechet_encoder", "pairs", "patches", "mask_ratio")}
    row |= {"data": content["dataset"], "scale": scale, "receipt": path.with_name("receipt.json").as_posix()}
    return row | {"note": "; ".join(filter(None, [reason, label.remark]))}


def rounded(value: object, name: str, path: Path) -> float:
    """Check a number and round it for the table."""
    if not is_number(value):
        raise MimicError(f"{name} is {value!r}, not a number", where=path, remedy=AGAIN)
    return round(float(value), DIGITS[name])  # type: ignore[arg-type]


def empty_row(label: Label, note: str) -> dict[str, Any]:
    """Return the row of a model without numbers."""
    names = {"model": label.model, "dataset": label.dataset, "encoder": label.encoder}
    return {**dict.fromkeys(COLUMNS, ""), **names, "note": note}


def markdown(table: pd.DataFrame, inputs: TableInputs) -> str:
    """Format the table as a Markdown page."""
    by = next((name for name in table["frechet_encoder"] if name), "")
    titles = ["loss ↓", "paper", "pixel L2 ↓", "FID ↓", "paper FID"] + ([f"Frechet by {by} ↓"] if by else [])
    names = [*NAMES, *titles, "pairs", "data", "note"]
    rows = [page_cells(row, bool(by)) for row in table.to_dict("records")]
    grids = {count for count in table["patches"] if count != ""}
    lines = [
        "# Table 4",
        "",
        *sample_warning(inputs.scale, ["Gibson"]),
        *markdown_table(names, [*titles, "pairs"], rows),
        "Patches of view 1 are hidden and painted, with view 2's help where the model sees it. Loss: mean squared error"
        " on hidden patches, each normalised by its own mean and deviation, as in training. Pixel L2: the same on"
        " colours from 0 to 1, the prediction turned back by the true patch's mean and deviation. ± is the deviation"
        " over bootstrap test sets. An empty cell was not measured; the note says why.",
        "",
    ]
    if by:
        lines += [
            f"Frechet by {by}: the distance of the painted images from the true ones in the mean patch features of that"
            " encoder. It is no FID, and compares only within this table: it depends on the number of pairs.",
            "",
        ]
    if len(grids) > 1:
        counts = " and ".join(str(count) for count in sorted(grids))
        lines += [f"The models cut an image into {counts} patches, so their hidden patches are not the same ones.", ""]
    return "\n".join(lines)


def page_cells(row: Mapping[Any, Any], frechet: bool) -> list[object]:
    """Format a row's cells for the page."""

    def words(name: str) -> str:
        if row[name] == "":
            return ""
        error = f" ± {row[f'{name}_error']:.{DIGITS[name]}f}" if name in ERRORS else ""
        return f"{row[name]:.{DIGITS[name]}f}{error}"

    numbers = [words("loss"), row["loss_paper"], words("pixel_l2"), words("fid"), row["fid_paper"]]
    numbers += [words("frechet")] if frechet else []
    return [*(row[name] or "-" for name in NAMES), *numbers, row["pairs"], row["data"], row["note"]]
