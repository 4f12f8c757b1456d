"""``predictions.png``: a few test images, always the same ones, with what is true and what is predicted of each."""

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
TILE = 176  # pixels of one picture's side
GAP, TITLE, LABEL, FOOT = 6, 48, 92, 24  # pixels between pictures, above, left of and below them
INK, PALE = (25, 25, 25), (105, 105, 105)
RIGHT, WRONG = (20, 110, 50), (170, 40, 40)

Colour = tuple[int, int, int]


class Sheet:
    """A title, and below it a column of pictures for every test image, with words under each column.

    Args:
        title: which encoder, on which data.
        columns: number of test images.
        subtitle: how to read the pictures.
        rows: what the pictures of a column show, from above; an empty name is not written.
        least: number of columns that there is room for in any case.
        below: pixels below the pictures.

    Attributes:
        draw, small: draws on the sheet; its font for all but the title.
        left, bottom, width: where the pictures begin and end, and how wide they are together, pixels.
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
        """Put a picture in its place; an array (S, S, 3) is brought to the size of a tile."""
        place = self.left + column * (TILE + GAP), TITLE + row * (TILE + GAP)
        self.image.paste(picture if isinstance(picture, Image.Image) else tile(picture), place)

    def caption(self, column: int, text: str, colour: Colour = PALE, line: int = 0) -> None:
        """Write below a column."""
        middle = self.left + column * (TILE + GAP) + TILE // 2
        self.draw.text((middle, self.bottom + line * FOOT), text, colour, self.small, anchor="ma")

    def save(self, path: str | Path) -> None:
        """Write the sheet as PNG, whole or not at all."""
        with atomic_path(path) as temporary:
            self.image.save(temporary, format="PNG")


def tile(picture: NDArray[np.uint8]) -> Image.Image:
    """A square picture at the sheet's size."""
    return Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.NEAREST)


def padded(picture: NDArray[np.uint8], resampling: Image.Resampling) -> Image.Image:
    """A picture of any shape on a white tile, its aspect kept."""
    return ImageOps.pad(Image.fromarray(picture), (TILE, TILE), resampling, color="white")


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


def draw_predictions(
    path: str | Path, task: DenseTask, samples: Samples, prediction: NDArray[np.float32], title: str
) -> None:
    """Write test images of a dense task: input, truth and prediction, and the metric under each column.

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
    """Write a row of classified images with the true and the predicted class under each.

    Args:
        path: the PNG.
        images: (N, S, S, 3) RGB.
        truths, guesses: names of classes, one an image.
        title: which encoder, on which data.
    """
    sheet = Sheet(title, len(images), rows=("",), least=3, below=3 * FOOT - GAP)
    for column, (image, truth, guess) in enumerate(zip(images, truths, guesses, strict=True)):
        sheet.paste(column, 0, image)
        sheet.caption(column, f"is {truth}", INK)
        sheet.caption(column, f"taken for {guess}", RIGHT if guess == truth else WRONG, line=1)
    sheet.save(path)
