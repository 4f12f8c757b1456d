"""Which flats there are, and which split each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.errors import MimicError
from mimic_core.files import write_json

SPLITS = ("pretrain", "walkthroughs", "train", "test")
MARKER = "SAMPLE_WORLD.json"


def flat_names(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of the flats in each split; no flat is in two.

    Args:
        settings: ``flats`` says how many there are in each of ``pretrain`` (random walks), ``walkthroughs`` (videos),
            ``train`` and ``test`` (fine-tuning).

    Raises:
        MimicError: a number is missing or negative.
    """
    names, first = {}, 0
    for split in SPLITS:
        count = settings["flats"].get(split, -1)
        if not isinstance(count, int) or count < 0:
            remedy = "give the number of flats, 0 or more"
            raise MimicError("the number of flats is missing or negative", where=f"sample.flats.{split}", remedy=remedy)
        names[split] = [f"flat{number:03d}" for number in range(first, first + count)]
        first += count
    return names


def shares(total: int, names: list[str], what: str) -> dict[str, int]:
    """How many of ``total`` views each flat gives: as equal as can be, the first ones one more.

    Raises:
        MimicError: views are wanted, but there is no flat to take them from.
    """
    if total and not names:
        raise MimicError(f"{total} {what} are wanted from no flats", where="sample.flats", remedy="ask for more flats")
    return {name: total // len(names) + (index < total % len(names)) for index, name in enumerate(names)}


def write_marker(folder: Path, settings: Mapping[str, Any], layout: str) -> None:
    """Leave a file that says that this folder is made up, so that nobody takes it for the real dataset."""
    text = f"Made by MIMIC's sample world in the layout of {layout}. This is not {layout}: the pictures are rendered."
    write_json(folder / MARKER, {"what": text, "layout": layout, "settings": dict(settings)})
