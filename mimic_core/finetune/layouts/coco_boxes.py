"""Reader of a person detector's boxes in COCO's result format; invalid entries are skipped and reported."""

from __future__ import annotations

import math
from collections.abc import Container
from pathlib import Path
from typing import Any

from mimic_core.finetune.data import Skipped
from mimic_core.finetune.layouts.coco_file import PERSON_NUMBER
from mimic_core.finetune.layouts.json_file import NUMBERS, integer, read_json_numbers, shortened
from mimic_core.foreign import SIDE
from mimic_core.kit.errors import MimicError, printable

KEYS = ("bbox", "category_id", "image_id", "score")
REMEDY = "use COCO's result format"


def read_boxes(path: Path, images: Container[int], category: int) -> tuple[list[dict[str, Any]], list[Skipped]]:
    """Read the boxes of people from a file, normalised for other COCO tools, and the unusable ones.

    Args:
        path: file with a JSON list of objects.
        images: image ids of the annotation file; boxes on other images are reported together.
        category: id of the person category there.

    Raises:
        MimicError: the file is not such a list, or no box is usable.
    """
    content = read_json_numbers(path, "these boxes cannot be read", "check tasks.pose.boxes")
    boxes: list[dict[str, Any]] = []
    skipped: list[Skipped] = []
    elsewhere: list[int] = []
    for place, entry in enumerate(content if isinstance(content, list) else []):
        try:
            if integer(entry["category_id"], "category_id") != category:
                continue
            box = read_box(entry)
        except KeyError as error:
            skipped.append(Skipped(f"{path}, box at place {place}", f"it has no {error}"))
        except (TypeError, ValueError, OverflowError) as error:
            skipped.append(Skipped(f"{path}, box at place {place}", printable(f"it is invalid ({error})")))
        else:
            if box["image_id"] in images:
                boxes.append(box)
            else:
                elsewhere.append(box["image_id"])
    if elsewhere:
        numbers = sorted(set(elsewhere))
        what = f"{len(numbers)} images of these boxes are not in the annotation file, such as {numbers[0]}"
        if not boxes:
            raise MimicError(what, where=path, remedy="use the boxes of val2017")
        skipped.append(Skipped(str(path), f"{what}; {len(elsewhere)} boxes"))
    if not boxes:
        first = f"; the first of {len(skipped)} left out: {skipped[0].what}" if skipped else ""
        what = f"these are not a detector's boxes of people, which are a list of objects with {', '.join(KEYS)}{first}"
        raise MimicError(what, where=path, remedy=REMEDY)
    return boxes, skipped


def read_box(entry: dict[str, Any]) -> dict[str, Any]:
    """Read one box.

    Raises:
        KeyError, TypeError, ValueError: it is invalid.
    """
    image, score = integer(entry["image_id"], "image_id"), entry["score"]
    sides = entry["bbox"]
    if not isinstance(sides, list) or len(sides) < 4 or not set(map(type, sides[:4])) <= NUMBERS:
        raise TypeError(f"bbox is {shortened(sides)}, not four numbers")
    sides = sides[:4]
    if not all(abs(side) <= SIDE for side in sides):  # false for NaN too
        raise ValueError(f"bbox is {shortened(sides)}, not in pixels")
    if sides[2] <= 0 or sides[3] <= 0:
        raise ValueError("the box has no area")
    if type(score) not in NUMBERS or not math.isfinite(score):
        raise TypeError(f"score is {shortened(score)}, not a finite number")
    return {"image_id": image, "category_id": PERSON_NUMBER, "bbox": sides, "score": score}
