"""Figure 2: the share of a dataset's pairs that comes from each source, beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from mimic_core.kit.files import atomic_path
from mimic_core.sources import PAPER_DATASETS, read_registry

PAPER = [entry for entry in read_registry().values() if entry.in_paper]
LABEL_FROM = 0.04  # smallest share whose segment is wide enough for a label
DISPLAY_NAMES = {entry.name: entry.dataset for entry in PAPER}
COLOURS = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]

Shares = dict[str, dict[str, int]]


def composition(receipts: Sequence[Mapping[str, Any]], scale: str) -> Shares:
    """Return the bars, label -> source -> pairs: ours, each followed by the paper's bar of the same dataset."""
    bars: Shares = {}
    for receipt in receipts:
        statistics = receipt["statistics"]
        name = statistics["dataset"]
        bars[f"{name}\n{scale} scale"] = {source: row["taken"] for source, row in statistics["sources"].items()}
        if name in PAPER_DATASETS:
            paper = {entry.name: entry.pairs_in(name) for entry in PAPER}
            bars[f"{name}\npaper"] = {source: pairs for source, pairs in paper.items() if pairs}
    return bars


def draw_figure2(bars: Shares, png: Path, pdf: Path, dpi: int) -> None:
    """Draw a horizontal bar per dataset, divided into the sources' shares, and write PNG and PDF."""
    names = sorted({display_name(source) for parts in bars.values() for source in parts}, key=str.lower)
    colour = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.75 * len(bars)), layout="constrained")
    for position, parts in enumerate(bars.values()):
        draw_bar(axes, len(bars) - 1 - position, parts, colour)
        axes.text(1.01, len(bars) - 1 - position, f"{sum(parts.values()):,} pairs", va="center", fontsize=9)
    axes.set_yticks(range(len(bars)), list(bars)[::-1], fontsize=9)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    axes.set_xlabel("share of pairs")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        [unique[name] for name in names], names, loc="outside lower center", ncols=6, frameon=False, fontsize=8
    )
    for path in (png, pdf):
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    plt.close(figure)


def draw_bar(axes: Axes, y: float, parts: Mapping[str, int], colour: Mapping[str, Any]) -> None:
    """Draw the bar of one dataset, the largest source first."""
    total, left = max(sum(parts.values()), 1), 0.0
    for source, count in sorted(parts.items(), key=lambda item: -item[1]):
        share = count / total
        name = display_name(source)
        axes.barh(y, share, left=left, height=0.62, color=colour[name], edgecolor="white", label=name)
        if share >= LABEL_FROM:
            axes.text(left + share / 2, y, f"{share:.0%}", ha="center", va="center", fontsize=8)
        left += share


def display_name(source: str) -> str:
    """Return the name of a source as its owner spells it, if it is in the registry."""
    return DISPLAY_NAMES.get(source, source)
