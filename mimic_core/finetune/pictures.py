"""``predictions.png``: the truth and the prediction for a few test images, the same ones in every job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mimic_core.finetune.data import Samples
from mimic_core.finetune.tasks.base import DenseTask
from mimic_core.kit.files import atomic_path

COLUMNS = 6  # test images shown
TILE = 176  # side of a picture, pixels
GAP, TITLE, LABEL, FOOT = 6, 48, 92, 24  # pixels between pictures, above, left of and below them
INK, PALE = (25, 25, 25), (105, 105, 105)
RIGHT, WRONG = (20, 110, 50), (170, 40, 40)

Colour = tuple[int, int, int]


class Sheet:
    """A titled grid of pictures: a column per test image, with captions below it.

    Args:
        title: which encoder, on which data.
        columns: number of test images.
        subtitle: how to read the pictures.
        rows: names of the rows, from the top; an empty name is not written.
        least: minimum number of columns to leave room for.
        below: pixels below the pictures.

    Attributes:
        draw, small: the drawing context; the font of all text but the title.
        left, bottom, width: left and bottom edge of the pictures, and their total width, pixels.
    """

    def __init__(
        self,
        title: str,
        columns: int,
        *,
        subtitle: str = "",
        rows: Sequence[str] = ("input", "truth", "prediction"),
        least: int = 1,
        below: int = FOOT,
    ) -> None:
        self.left = LABEL if any(rows) else GAP
        self.bottom = TITLE + len(rows) * (TILE + GAP)
        self.width = max(columns, least) * (TILE + GAP)
        self.image = Image.new("RGB", (self.left + self.width, self.bottom + below), "white")
        self.draw, self.small = ImageDraw.Draw(self.image), ImageFont.load_default(14)
        self.draw.text((GAP, GAP), title, INK, ImageFont.load_default(18))
        self.draw.text((GAP, GAP + 22), subtitle, PALE, self.small)
        for row, name in enumerate(rows):
            self.draw.text((GAP, TITLE + row * (TILE + GAP) + TILE // 2), name, INK, self.small, anchor="lm")

    def paste(self, column: int, row: int, picture: Image.Image | NDArray[np.uint8]) -> None:
        """Place a picture in the grid; an array (S, S, 3) is resized to a tile."""
        place = self.left + column * (TILE + GAP), TITLE + row * (TILE + GAP)
        self.image.paste(picture if isinstance(picture, Image.Image) else tile(picture), place)

    def caption(self, column: int, text: str, colour: Colour = PALE, line: int = 0) -> None:
        """Write a line of text below a column."""
        middle = self.left + column * (TILE + GAP) + TILE // 2
        self.draw.text((middle, self.bottom + line * FOOT), text, colour, self.small, anchor="ma")

    def save(self, path: str | Path) -> None:
        """Write the sheet as PNG, atomically."""
        with atomic_path(path) as temporary:
            self.image.save(temporary, format="PNG")


def tile(picture: NDArray[np.uint8]) -> Image.Image:
    """Resize a square picture to a tile."""
    return Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.NEAREST)


def padded(picture: NDArray[np.uint8], resampling: Image.Resampling) -> Image.Image:
    """Fit a picture of any shape into a white tile, keeping its aspect ratio."""
    return ImageOps.pad(Image.fromarray(picture), (TILE, TILE), resampling, color="white")


def shown_rows(count: int) -> list[int]:
    """Return the rows of up to ``COLUMNS`` evenly spaced test images."""
    return sorted({int(row) for row in np.linspace(0, count - 1, min(COLUMNS, count)).round()})


def label_range(samples: Samples) -> tuple[float, float]:
    """Return the 1st and 99th percentile of the true labels, the colour range of all pictures of a figure."""
    labels = samples.target[:, 0][samples.valid]
    if labels.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(labels, (1, 99))
    return float(low), float(high)


def draw_predictions(
    path: str | Path, task: DenseTask, samples: Samples, prediction: NDArray[np.float32], title: str
) -> None:
    """Draw input, truth and prediction of test images of a dense task, with the metric under each column.

    Args:
        path: the PNG to write.
        task: provides the colours and the metric.
        samples: the test images to show, in order.
        prediction: their predictions (N, C, S, S).
        title: which encoder, on which data.
    """
    bounds = label_range(samples)
    values = task.measure(prediction, samples.target, samples.valid)[task.metric]
    everywhere = np.ones_like(samples.valid[0])
    sheet = Sheet(title, len(samples), subtitle=task.legend(bounds))
    for column in range(len(samples)):
        sheet.paste(column, 0, samples.images[column])
        sheet.paste(column, 1, task.colours(samples.target[column], samples.valid[column], bounds))
        sheet.paste(column, 2, task.colours(prediction[column], everywhere, bounds))
        sheet.caption(column, f"{task.metric} = {values[column]:.1f}")
    sheet.save(path)


def draw_classes(
    path: str | Path, images: NDArray[np.uint8], truths: Sequence[str], guesses: Sequence[str], title: str
) -> None:
    """Draw a row of classified images with the true and the predicted class under each.

    Args:
        path: the PNG to write.
        images: (N, S, S, 3) RGB.
        truths, guesses: class names, one per image.
        title: which encoder, on which data.
    """
    sheet = Sheet(title, len(images), rows=("",), least=3, below=3 * FOOT - GAP)
    for column, (image, truth, guess) in enumerate(zip(images, truths, guesses, strict=True)):
        sheet.paste(column, 0, image)
        sheet.caption(column, f"is {truth}", INK)
        sheet.caption(column, f"taken for {guess}", RIGHT if guess == truth else WRONG, line=1)
    sheet.save(path)
