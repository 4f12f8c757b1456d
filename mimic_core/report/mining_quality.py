"""Draw the audit of the mining: the accuracy of pairs by scene and by setting."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from mimic_core.kit.files import atomic_path
from mimic_core.pairs import MiningSettings

DEFAULT, ALL = "default", "all"
INK, STRONG, PALE, WARM = "#333333", "#2f6fde", "#a9c5f5", "#f0883e"


def draw_mining_quality(table: pd.DataFrame, pairs: pd.DataFrame, png: Path, pdf: Path, dpi: int) -> None:
    """Draw the four panels and write them as PNG and PDF.

    Args:
        table: the result of :func:`mimic_core.evaluation.mining_quality.summary`.
        pairs: the result of :func:`mimic_core.evaluation.mining_quality.audit`.
    """
    figure, grid = plt.subplots(2, 2, figsize=(11, 8.2), layout="constrained")
    usual = table[(table["variant"] == DEFAULT) & (table["scene"] != ALL)].set_index("scene")
    pooled = table[(table["scene"] == ALL) & (table["pairs"] > 0)].set_index("variant")
    precision(grid[0, 0], usual)
    covisibility(grid[0, 1], pairs[pairs["variant"] == DEFAULT])
    verdicts(grid[1, 0], usual)
    settings(grid[1, 1], pooled)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    for path in (png, pdf):
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    plt.close(figure)


def precision(axes: Axes, usual: pd.DataFrame) -> None:
    """Draw the share of correct correspondences in the kept pairs of each scene."""
    place = np.arange(len(usual))[::-1]
    axes.barh(place, usual["precision_near"].fillna(0), color=PALE, label="the true patch or one beside it")
    axes.barh(place, usual["precision"].fillna(0), color=STRONG, label="the true patch")
    for y, (_, row) in zip(place, usual.iterrows(), strict=True):
        error = "nothing kept" if pd.isna(row["error_px"]) else f"{row['error_px']:.1f} px"
        axes.text(1.02, y, f"{error}, n={row['kept']}", va="center", fontsize=7.5, color=INK)
    axes.set_yticks(place, [name.replace("_", " ") for name in usual.index])
    axes.set_xlim(0, 1)
    axes.set_title("Correspondences of kept pairs that are right", loc="left", fontsize=10)
    axes.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.45, -0.06), frameon=False)


def covisibility(axes: Axes, pairs: pd.DataFrame) -> None:
    """Plot the measured overlap against the share of pixels that both views truly see."""
    measured = pairs.dropna(subset="difference")
    for scene, part in measured.groupby("scene", sort=False):
        axes.scatter(part["covisibility"], part["overlap"], s=9, alpha=0.75, label=str(scene).replace("_", " "))
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    mining = MiningSettings()
    axes.axhspan(mining.min_overlap, mining.max_overlap, color=WARM, alpha=0.12)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xlabel("true covisibility", fontsize=8)
    axes.set_ylabel("measured overlap (kept in the band)", fontsize=8)
    axes.set_title("Overlap against the truth", loc="left", fontsize=10)
    axes.legend(fontsize=6.5, ncols=2, loc="upper left")


def verdicts(axes: Axes, usual: pd.DataFrame) -> None:
    """Draw the verdicts on the pairs of each scene."""
    place, left = np.arange(len(usual))[::-1], np.zeros(len(usual))
    names = ["kept", "high_overlap", "low_overlap", "no_homography", "few_matches"]
    for name, colour in zip(names, (STRONG, "#56b4a0", "#e6c34a", "#999999", "#d9d9d9"), strict=True):
        axes.barh(place, usual[name], left=left, color=colour, label=name.replace("_", " "))
        left += usual[name].to_numpy()
    axes.set_yticks(place, [name.replace("_", " ") for name in usual.index])
    axes.set_xlabel("pairs", fontsize=8)
    axes.set_title("Verdicts", loc="left", fontsize=10)
    axes.legend(fontsize=7, ncols=5, loc="upper center", bbox_to_anchor=(0.45, -0.12), frameon=False)


def settings(axes: Axes, pooled: pd.DataFrame) -> None:
    """Plot the yield and precision of each setting over all scenes."""
    axes.scatter(pooled["kept"], pooled["precision_near"], color=STRONG, zorder=3)
    for name, row in pooled.iterrows():
        weight = "bold" if name == DEFAULT else "normal"
        place = row["kept"], row["precision_near"]
        axes.annotate(str(name), place, (4, 4), textcoords="offset points", fontsize=8, weight=weight)
    axes.set_xlabel("pairs kept, of all scenes", fontsize=8)
    axes.set_ylabel("precision (the true patch or one beside it)", fontsize=8)
    axes.set_title("Settings side by side", loc="left", fontsize=10)
    axes.margins(x=0.18, y=0.15)
