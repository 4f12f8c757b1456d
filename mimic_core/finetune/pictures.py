"""``predictions.png``: a few test images, always the same ones, with truth and prediction below each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mimic_core.finetune.data import Samples
from mimic_core.finetune.task import Task
from mimic_core.kit.files import atomic_path

COLUMNS = 6  # test images shown
TILE = 176  # pixels of one picture's side
GAP, TITLE, LABEL, FOOT = 6, 48, 92, 24  # pixels between pictures, above, left of and below them
INK, PALE = (25, 25, 25), (105, 105, 105)
RIGHT, WRONG = (20, 110, 50), (170, 40, 40)


def shown_rows(count: int) -> list[int]:
    """Evenly spaced test images."""
    return sorted({int(row) for row in np.linspace(0, count - 1, min(COLUMNS, count)).round()})


def label_range(samples: Samples) -> tuple[float, float]:
    """Range of the true labels without their outermost percent: common to all pictures of a figure."""
    labels = samples.target[:, 0][samples.valid]
    if labels.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(labels, (1, 99))
    return float(low), float(high)


def tile(picture: NDArray[np.uint8]) -> Image.Image:
    """One picture at the figure's size."""
    return Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.NEAREST)


def draw_predictions(
    path: str | Path, task: Task, samples: Samples, prediction: NDArray[np.float32], title: str
) -> None:
    """Write the figure, atomically: input, truth and prediction in three rows, the metric under each column.

    Args:
        path: the PNG.
        task: gives colours and metric.
        samples: the test images to show, in order.
        prediction: (N, C, S, S) for them.
        title: which encoder, on which data.
    """
    bounds = label_range(samples)
    values = task.measure(prediction, samples.target, samples.valid)[task.metric]
    everywhere = np.ones_like(samples.valid[0])
    figure = Image.new("RGB", (LABEL + len(samples) * (TILE + GAP), TITLE + 3 * (TILE + GAP) + FOOT), "white")
    draw = ImageDraw.Draw(figure)
    large, small = ImageFont.load_default(18), ImageFont.load_default(14)
    draw.text((GAP, GAP), title, INK, large)
    draw.text((GAP, GAP + 22), task.legend(bounds), PALE, small)
    for row, name in enumerate(("input", "truth", "prediction")):
        draw.text((GAP, TITLE + row * (TILE + GAP) + TILE // 2), name, INK, small, anchor="lm")
    for column in range(len(samples)):
        pictures = (
            samples.images[column],
            task.colours(samples.target[column], samples.valid[column], bounds),
            task.colours(prediction[column], everywhere, bounds),
        )
        left = LABEL + column * (TILE + GAP)
        for row, picture in enumerate(pictures):
            figure.paste(tile(picture), (left, TITLE + row * (TILE + GAP)))
        caption = f"{task.metric} = {values[column]:.1f}"
        draw.text((left + TILE // 2, TITLE + 3 * (TILE + GAP)), caption, PALE, small, anchor="ma")
    with atomic_path(path) as temporary:
        figure.save(temporary, format="PNG")


def draw_classes(
    path: str | Path, images: NDArray[np.uint8], truths: Sequence[str], guesses: Sequence[str], title: str
) -> None:
    """Write a row of classified images, atomically, with the true and the predicted class under each.

    Args:
        path: the PNG.
        images: (N, S, S, 3) RGB.
        truths, guesses: names of classes, one an image.
        title: which encoder, on which data.
    """
    figure = Image.new("RGB", (GAP + max(len(images), 3) * (TILE + GAP), TITLE + TILE + 3 * FOOT), "white")
    draw = ImageDraw.Draw(figure)
    large, small = ImageFont.load_default(18), ImageFont.load_default(14)
    draw.text((GAP, GAP), title, INK, large)
    for column, (image, truth, guess) in enumerate(zip(images, truths, guesses, strict=True)):
        left = GAP + column * (TILE + GAP)
        figure.paste(tile(image), (left, TITLE))
        middle, below = left + TILE // 2, TITLE + TILE + GAP
        draw.text((middle, below), f"is {truth}", INK, small, anchor="ma")
        draw.text((middle, below + FOOT), f"taken for {guess}", RIGHT if guess == truth else WRONG, small, anchor="ma")
    with atomic_path(path) as temporary:
        figure.save(temporary, format="PNG")
