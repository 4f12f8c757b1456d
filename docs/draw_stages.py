"""Draw README's picture of the six stages from the results of a finished run.

python docs/draw_stages.py results docs/stages.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mimic_core.datasets import PairDataset
from mimic_core.finetune.pictures import GAP, LABEL, TILE, TITLE
from mimic_core.pairs.correspondences import NO_PATCH
from mimic_core.pairs.settings import GRID, PATCH_SIZE

Image = NDArray[np.uint8]

STAGES = {
    "frames": "views of videos and scenes",
    "pairs": "SIFT, RANSAC, patch overlap",
    "datasets": "which pairs, from where",
    "pretrain": "MAE, CroCo",
    "finetune": "depth, normals",
    "report": "the paper's tables",
}


def frames(axes: Axes, dataset: PairDataset) -> None:
    """Draw a contact sheet of nine views."""
    chosen = np.linspace(0, len(dataset) - 1, 9).astype(int)
    views = [np.pad(dataset[i][0], ((3, 3), (3, 3), (0, 0)), constant_values=255) for i in chosen]
    axes.imshow(np.vstack([np.hstack(views[row : row + 3]) for row in (0, 3, 6)]))


def pairs(axes: Axes, dataset: PairDataset) -> None:
    """Draw two pairs, with some of their matching patches in the same colour."""
    rows = [draw_correspondences(*dataset[i]) for i in (len(dataset) // 3, len(dataset) // 2)]
    axes.imshow(np.vstack(rows))


def draw_correspondences(view1: Image, view2: Image, row: dict) -> Image:
    """Return a pair side by side, with every seventh correspondence drawn."""
    mapping = np.asarray(row["correspondences"])
    views = [view1.copy(), view2.copy()]
    for number, patch in enumerate(np.flatnonzero(mapping != NO_PATCH)[::7]):
        colour = tuple(int(255 * part) for part in plt.get_cmap("hsv")(number * 37 % 100 / 100)[:3])
        for view, place in zip(views, (patch, mapping[patch]), strict=True):
            y, x = (int(part) * PATCH_SIZE for part in divmod(place, GRID))
            cv2.rectangle(view, (x, y), (x + PATCH_SIZE - 1, y + PATCH_SIZE - 1), colour, 3)
    return np.hstack([np.pad(view, ((3, 3), (3, 3), (0, 0)), constant_values=255) for view in views])


def datasets(axes: Axes, results: Path) -> None:
    """Draw the number of pairs per source in both datasets."""
    counts = {
        name: PairDataset(results / "datasets" / name / "manifest.parquet").rows["source"].value_counts()
        for name in ("mimic-1m", "mimic-3m")
    }
    table = pd.DataFrame(counts).fillna(0).T
    table.plot.bar(ax=axes, stacked=True, rot=0, width=0.6, colormap="tab10")
    axes.legend(frameon=False, fontsize=7, loc="upper left", reverse=True)
    axes.set_xlim(-1.1, 1.4)
    axes.set_ylabel("pairs", fontsize=8)


def pretrain(axes: Axes, results: Path) -> None:
    """Plot the loss of each run over epochs."""
    for folder in sorted((results / "pretrain").iterdir()):
        metrics = pd.read_csv(folder / "metrics.csv").dropna(subset="loss")
        axes.plot(metrics["epoch"], metrics["loss"], label=folder.name)
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("epoch", fontsize=8)
    axes.set_ylabel("loss", fontsize=8)


def finetune(axes: Axes, results: Path) -> None:
    """Draw two test images of each task: input, truth, prediction."""
    rows = []
    for task in ("depth", "normals"):
        picture = plt.imread(results / "finetune" / task / "croco_mimic-3m-whole" / "predictions.png")[..., :3]
        for column in (1, 2):
            left = LABEL + column * (TILE + GAP)
            tops = [TITLE + row * (TILE + GAP) for row in range(3)]
            tiles = [picture[top : top + TILE, left : left + TILE] for top in tops]
            rows.append(np.hstack([np.pad(tile, ((3, 3), (3, 3), (0, 0)), constant_values=1) for tile in tiles]))
    axes.imshow(np.vstack(rows))
    for place, name in enumerate(("input", "truth", "prediction")):
        axes.text((place + 0.5) / 3, -0.01, name, transform=axes.transAxes, ha="center", va="top", fontsize=8)


def report(axes: Axes, results: Path) -> None:
    """Draw the measured rows of table 1."""
    table = pd.read_csv(results / "table1.csv", keep_default_na=False)
    table = table[table["nyuv2_delta1"] != ""]
    cells = [
        [
            f"{row['model']}{' (frozen)' if row['frozen'] == 'yes' else ''}",
            f"{float(row['nyuv2_delta1']):.1f}",
            f"{float(row['taskonomy_l1']):.1f}",
        ]
        for row in table.to_dict("records")
    ]
    drawn = axes.table(
        cells, colLabels=["", "delta1", "L1"], loc="center", cellLoc="left", colWidths=[0.62, 0.19, 0.19]
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.scale(1, 1.35)
    axes.axis("off")


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the six panels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args(argv)
    dataset = PairDataset(args.results / "datasets" / "mimic-3m" / "manifest.parquet")
    figure, grid = plt.subplots(2, 3, figsize=(11, 7.2), layout="constrained")
    panels = dict(zip(STAGES, grid.flat, strict=True))
    frames(panels["frames"], dataset)
    pairs(panels["pairs"], dataset)
    for name, draw in {"datasets": datasets, "pretrain": pretrain, "finetune": finetune, "report": report}.items():
        draw(panels[name], args.results)
    for number, (name, axes) in enumerate(panels.items(), 1):
        axes.set_title(f"{number}  {name}", loc="left", fontweight="bold", fontsize=12)
        axes.set_title(STAGES[name], loc="right", fontsize=9, color="#555555")
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if name in ("frames", "pairs", "finetune"):
            axes.axis("off")
    figure.savefig(args.out, dpi=90)


if __name__ == "__main__":
    main()
