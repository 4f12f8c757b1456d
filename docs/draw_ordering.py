"""Plot losses and task metrics over the steps of pretraining, for docs/ordering.md.

python docs/draw_ordering.py RESULTS docs/ordering.png

RESULTS is the results folder of a run with ``configs/small.yaml``; it must contain ``figures/figure3a.csv``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from matplotlib import pyplot as plt

RUNS = {
    "mae_mimic-3m": ("MAE", "C0"),
    "croco_mimic-3m": ("CroCo", "C3"),
    "croco_mimic-3m_mask90": ("CroCo, 90% masks", "C2"),
    "croco_mimic-1m": ("CroCo, a quarter of the pairs", "C1"),
}
TASKS = {"depth": "depth delta1 (%)", "normals": "normals L1 (x1000)"}


def main(argv: Sequence[str] | None = None) -> None:
    """Draw one panel of losses, then one per task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args(argv)
    points = pd.read_csv(args.results / "figures" / "figure3a.csv")
    figure, panels = plt.subplots(1, 1 + len(TASKS), figsize=(11, 3.4), layout="constrained")
    for run, (name, colour) in RUNS.items():
        losses = pd.read_csv(args.results / "pretrain" / run / "metrics.csv")
        steps = losses.set_index("epoch")["iteration"]
        panels[0].plot(losses.iteration, losses.loss, colour, alpha=0.4)
        panels[0].plot(losses.iteration, losses.val_loss, colour, marker=".", label=name)
        for axes, task in zip(panels[1:], TASKS, strict=True):
            found = points[(points.encoder == run) & (points.task == task)]
            axes.errorbar(steps.reindex(found.epoch), found["mean"], found["std"], color=colour, marker="o", capsize=3)
    panels[0].set(title="held out (dots), training (faint)", ylabel="loss on hidden patches")
    panels[0].legend(frameon=False, fontsize=7)
    for axes, words in zip(panels[1:], TASKS.values(), strict=True):
        axes.set(title="frozen encoder", ylabel=words)
    for axes in panels:
        axes.set_xlabel("steps of 16 samples")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(args.picture, dpi=110)


if __name__ == "__main__":
    main()
