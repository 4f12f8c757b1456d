"""Inputs from the field and hostile ones, each with what is right: written anew, given to the product, and judged.

PYTHONPATH=.:tests python -m cases [ID ...] prints a table: case, right value, seen, ok.
"""

from importlib import import_module

from cases.base import CASES, Case

ROOMS = (
    *("videos", "time_stamps", "pictures", "places", "scenes", "weights", "labelled_data"),
    *("hostile_mining", "integrity", "flipped", "shells_and_config"),
)


def all_cases() -> dict[str, Case]:
    """Every case by its id, room after room."""
    for room in ROOMS:
        import_module(f"cases.{room}")
    return CASES
