"""Draw the losses of pretraining runs of two lengths: python docs/draw_ordering.py SHORT LONG docs/ordering.png

SHORT and LONG are folders of runs (``results/pretrain``) of the same data and steps a run.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from matplotlib import pyplot as plt

PANELS = {
    "mae_mimic-3m": "MAE, 7,200 pairs",
    "croco_mimic-3m": "CroCo, 7,200 pairs",
    "croco_mimic-1m": "CroCo, 1,900 pairs",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Draw a panel a run: the loss on what it learns from and on what is held out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs=2, metavar=("SHORT", "LONG"))
    parser.add_argument("picture", type=Path)
    args = parser.parse_args(argv)
    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 3.4), sharey=False, layout="constrained")
    for axes, (run, title) in zip(panels, PANELS.items(), strict=True):
        for folder, colour in zip(args.folders, ("C0", "C3"), strict=True):
            table = pd.read_csv(folder / run / "metrics.csv")
            held_out = table.dropna(subset="val_loss")
            epochs = int(table.epoch.max())
            axes.plot(table.epoch, table.loss, colour, alpha=0.5, label=f"{epochs} epochs, training")
            axes.plot(held_out.epoch, held_out.val_loss, colour, marker="o", label=f"{epochs} epochs, held out")
        axes.set(title=title, xlabel="epoch", ylabel="loss on hidden patches")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7)
    figure.savefig(args.picture, dpi=110)


if __name__ == "__main__":
    main()
