"""Report on pretraining: a figure of the losses of all runs, and the cost of the paper's schedule at their speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from matplotlib import pyplot as plt

from mimic_core.foreign import foreign
from mimic_core.kit.escaping import markdown_table
from mimic_core.kit.files import atomic_path
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.report.readings import AGAIN

EPOCHS, PAIRS = 200, 3_163_333  # the paper's schedule (section 4.1) on MIMIC-3M
PAPER_RATE, PAPER_DAYS = 66, 111  # pairs/s per GPU (from 100 minutes per epoch on 8 RTX A6000), and GPU-days
CURVES = {  # column -> label, line style
    "loss": ("training", "-"),
    "val_loss": ("held out", "--"),
    "val_loss_shuffled": ("held out, another pair's second view", ":"),
}


def read_metrics(folders: Iterable[Path]) -> dict[str, pd.DataFrame]:
    """Read the ``metrics.csv`` of each run.

    Raises:
        MimicError: a file does not match the receipt beside it, or cannot be read.
    """
    paths = {folder.name: folder / "metrics.csv" for folder in folders}
    compare(with_receipts(paths.values()))
    tables = {}
    for run, path in paths.items():
        with foreign("the metrics of this run cannot be read", path, AGAIN):
            tables[run] = pd.read_csv(path)[["epoch", *CURVES]].astype(float)
    return tables


def run_receipt(path: Path) -> dict[str, Any]:
    """Read the parts of a run's receipt that the costs are computed from.

    Raises:
        MimicError: the receipt cannot be read or lacks one of them.
    """
    receipt = read_receipt(path)
    return {
        "statistics": {
            "pairs_per_second": receipt.number("statistics", "pairs_per_second"),
            "processes": receipt.count("statistics", "processes"),
            "device": receipt.text("statistics", "device"),
        },
        "settings": {
            "encoder": {name: receipt.count("settings", "encoder", name) for name in ("width", "depth")},
            "image_size": receipt.count("settings", "image_size"),
        },
    }


def draw_losses(metrics: Mapping[str, pd.DataFrame], png: Path, dpi: int, scale: str) -> None:
    """Plot losses over epochs, one panel per run, and write a PNG.

    Args:
        metrics: run -> its ``metrics.csv``.
        dpi: resolution of the PNG.
        scale: ``sample`` or ``paper``, for the title.
    """
    figure, panels = plt.subplots(
        1, len(metrics), figsize=(1 + 3.6 * len(metrics), 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (run, table) in zip(panels[0], metrics.items(), strict=True):
        for column, (label, line) in CURVES.items():
            known = table.dropna(subset=column)
            if len(known):
                axes.plot(known["epoch"], known[column], line, label=label, marker="." if len(known) < 12 else "")
        axes.set_title(run, fontsize=10)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7)
    panels[0][0].set_ylabel(f"loss ({scale} scale)")
    with atomic_path(png) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")
    plt.close(figure)


def cost_rows(receipts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per run: measured pairs per second on one device, and the days of the paper's schedule.

    Args:
        receipts: run -> receipt of its pretraining.
    """
    rows = []
    for run, receipt in receipts.items():
        found = receipt["statistics"]
        settings = receipt["settings"]
        rate = found["pairs_per_second"] / found["processes"]
        rows.append(
            {
                "run": run,
                "device": found["device"],
                "encoder": "{width}x{depth}".format(**settings["encoder"]),
                "image_size": settings["image_size"],
                "pairs_per_s": rate,
                "days": EPOCHS * PAIRS / rate / 86400,
            }
        )
    return rows


def to_markdown(rows: Sequence[Mapping[str, Any]], scale: str) -> str:
    """Format the rows as a Markdown page, beside the paper's numbers."""
    keys = "run", "encoder", "image_size", "device"
    titles = ["run", "encoder (width x depth)", "pixels", "device", "pairs/s (measured)", "days (computed)"]
    lines = [
        f"# What pretraining costs ({scale} scale)",
        "",
        "Pairs a second are measured, of one device (a GPU, or the CPU threads of one process), validation and "
        f"checkpoints excluded. Days are computed from them: {EPOCHS} epochs of {PAIRS:,} pairs on one such device.",
        "",
        *markdown_table(
            titles,
            [titles[2], *titles[4:]],
            [
                *([*(row[key] for key in keys), f"{row['pairs_per_s']:.1f}", f"{row['days']:,.0f}"] for row in rows),
                ["the paper's CroCo", "768x12", 224, "RTX A6000", PAPER_RATE, PAPER_DAYS],
            ],
        ),
        "The paper's line is its own report. Only a run of the same encoder and size compares with it.",
        "",
    ]
    return "\n".join(lines)
