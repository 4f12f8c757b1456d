"""``predictions.png`` of segmentation: a few test images, with truth and prediction in ADE20K's colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mimic_core.evaluation.segmentation import IGNORED, confusion_counts, segmentation_metrics
from mimic_core.finetune.pictures import GAP, INK, LABEL, PALE, TILE, TITLE
from mimic_core.kit.files import atomic_path

Shown = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

UNKNOWN = (0, 0, 0)  # colour of pixels without a class
NAMED, NAMES_A_LINE, LINE = 12, 6, 20  # classes in the legend, in one line; pixels of a line


def colour(labels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Classes (H, W) as RGB (H, W, 3); ignored pixels are black."""
    table = np.full((256, 3), UNKNOWN, np.uint8)
    table[: len(palette)] = palette
    return table[labels]


def fit(picture: NDArray[np.uint8], resampling: Image.Resampling) -> Image.Image:
    """One picture on a white tile, its aspect kept."""
    return ImageOps.pad(Image.fromarray(picture), (TILE, TILE), resampling, color="white")


def common_classes(shown: Sequence[Shown]) -> list[int]:
    """The classes that cover most of the truth and the predictions, the largest first."""
    every = np.concatenate([labels.ravel() for _, truth, prediction in shown for labels in (truth, prediction)])
    counts = np.bincount(every[every != IGNORED], minlength=IGNORED)
    return [int(index) for index in np.argsort(-counts, kind="stable")[:NAMED] if counts[index]]


def draw_segmentation(
    path: str | Path, shown: Sequence[Shown], palette: NDArray[np.uint8], classes: Sequence[str], title: str
) -> None:
    """Write the figure, atomically: image, truth and prediction in three rows, mIoU under each column, a legend.

    Args:
        path: the PNG.
        shown: image (H, W, 3) RGB, truth and prediction (H, W) of every column.
        palette: (classes, 3) RGB.
        classes: their names.
        title: which encoder, on which data.
    """
    named = common_classes(shown)
    lines = -(-len(named) // NAMES_A_LINE)
    below = TITLE + 3 * (TILE + GAP)
    columns = max(len(shown), 4)  # room for the legend
    figure = Image.new("RGB", (LABEL + columns * (TILE + GAP), below + (lines + 1) * LINE + 3 * GAP), "white")
    draw = ImageDraw.Draw(figure)
    large, small = ImageFont.load_default(18), ImageFont.load_default(14)
    draw.text((GAP, GAP), title, INK, large)
    draw.text((GAP, GAP + 22), "one colour a class; black: no class", PALE, small)
    for row, name in enumerate(("input", "truth", "prediction")):
        draw.text((GAP, TITLE + row * (TILE + GAP) + TILE // 2), name, INK, small, anchor="lm")
    for column, (image, truth, prediction) in enumerate(shown):
        left = LABEL + column * (TILE + GAP)
        figure.paste(fit(image, Image.Resampling.BICUBIC), (left, TITLE))
        for row, labels in enumerate((truth, prediction), 1):
            picture = fit(colour(labels, palette), Image.Resampling.NEAREST)
            figure.paste(picture, (left, TITLE + row * (TILE + GAP)))
        metrics = segmentation_metrics(confusion_counts(prediction, truth, len(classes)))
        caption = f"mIoU {metrics['miou']:.1f}, pixels {metrics['aacc']:.1f} %"
        draw.text((left + TILE // 2, below), caption, PALE, small, anchor="ma")
    step = (columns * (TILE + GAP)) // NAMES_A_LINE
    for place, index in enumerate(named):
        left = LABEL + (place % NAMES_A_LINE) * step
        top = below + LINE + GAP + (place // NAMES_A_LINE) * LINE
        draw.rectangle((left, top, left + 14, top + 14), tuple(int(value) for value in palette[index]), PALE)
        draw.text((left + 20, top + 7), classes[index], INK, small, anchor="lm")
    with atomic_path(path) as temporary:
        figure.save(temporary, format="PNG")
