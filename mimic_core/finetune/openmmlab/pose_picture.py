"""``predictions.png`` of pose: a few test people with their true and their predicted joints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mimic_core.finetune.pictures import GAP, INK, LABEL, PALE, TILE, TITLE
from mimic_core.kit.files import atomic_path

BONES = (  # COCO's joints that are drawn joined: face, arms, trunk, legs
    *((0, 1), (0, 2), (1, 3), (2, 4)),
    *((5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 6), (5, 11), (6, 12), (11, 12)),
    *((11, 13), (13, 15), (12, 14), (14, 16)),
)
LEFT, RIGHT, MIDDLE = (60, 200, 90), (240, 130, 30), (70, 150, 255)  # the person's own left and right


class Shown(NamedTuple):
    """One column: the cut-out (S, S, 3) RGB, joints (17, 3) with visibility, and the predicted ones (17, 2) or None."""

    image: NDArray[np.uint8]
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32] | None


def side_colour(*joints: int) -> tuple[int, int, int]:
    """Odd joints are on the left, even ones but the nose on the right."""
    sides = {LEFT if joint % 2 else RIGHT for joint in joints if joint}
    return sides.pop() if len(sides) == 1 else MIDDLE


def skeleton(image: NDArray[np.uint8], joints: NDArray[np.float32], labelled: NDArray[np.bool_]) -> Image.Image:
    """The cut-out at the figure's size with joints and bones drawn in; joints that are not labelled are left out."""
    picture = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    places = (joints[:, :2] + 0.5) * (TILE / image.shape[0])
    for one, other in BONES:
        if labelled[one] and labelled[other]:
            draw.line([tuple(places[one]), tuple(places[other])], fill=side_colour(one, other), width=3)
    for joint in np.flatnonzero(labelled):
        x, y = places[joint]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=side_colour(int(joint)), outline="white")
    return picture


def draw_poses(path: str | Path, shown: Sequence[Shown], title: str) -> None:
    """Write the figure, atomically: cut-out, truth and prediction in three rows.

    Args:
        path: the PNG.
        shown: the columns.
        title: which encoder, on which data.
    """
    figure = Image.new("RGB", (LABEL + max(len(shown), 3) * (TILE + GAP), TITLE + 3 * (TILE + GAP)), "white")
    draw = ImageDraw.Draw(figure)
    large, small = ImageFont.load_default(18), ImageFont.load_default(14)
    draw.text((GAP, GAP), title, INK, large)
    draw.text(
        (GAP, GAP + 22), "green: the person's left, orange: right; joints of the truth that have a label", PALE, small
    )
    nobody = np.zeros(len(BONES) + 1, bool)
    for row, name in enumerate(("input", "truth", "prediction")):
        draw.text((GAP, TITLE + row * (TILE + GAP) + TILE // 2), name, INK, small, anchor="lm")
    for column, (image, truth, prediction) in enumerate(shown):
        labelled = truth[:, 2] > 0
        rows = (
            skeleton(image, truth, nobody),
            skeleton(image, truth, labelled),
            skeleton(image, truth if prediction is None else prediction, nobody if prediction is None else labelled),
        )
        for row, picture in enumerate(rows):
            figure.paste(picture, (LABEL + column * (TILE + GAP), TITLE + row * (TILE + GAP)))
    with atomic_path(path) as temporary:
        figure.save(temporary, format="PNG")
