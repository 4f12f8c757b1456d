"""The sample world: procedural furnished flats, and every raw and downstream layout made from views of them.

It lets the whole workflow run offline in minutes. What it writes is marked as made up: no number obtained on it is a
number on NYUv2, Taskonomy or HM3D.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mimic_core.sampledata.names import flat_names

if TYPE_CHECKING:
    from mimic_core.sampledata.ade20k import write_ade20k
    from mimic_core.sampledata.coco import write_coco
    from mimic_core.sampledata.flat import flat_glb, write_flat
    from mimic_core.sampledata.house import house_glb
    from mimic_core.sampledata.imagenet import write_imagenet
    from mimic_core.sampledata.nyuv2 import write_nyuv2
    from mimic_core.sampledata.people import Person, flat_with_people, person
    from mimic_core.sampledata.raw import write_source
    from mimic_core.sampledata.taskonomy import write_taskonomy
    from mimic_core.sampledata.walkthrough import write_walkthrough

__all__ = [
    "Person",
    "flat_glb",
    "flat_names",
    "flat_with_people",
    "house_glb",
    "person",
    "write_ade20k",
    "write_coco",
    "write_flat",
    "write_imagenet",
    "write_nyuv2",
    "write_source",
    "write_taskonomy",
    "write_walkthrough",
]

MODULES = {  # imported when first used, so that planning a run needs the names alone
    "flat_glb": "flat",
    "write_flat": "flat",
    "house_glb": "house",
    "Person": "people",
    "flat_with_people": "people",
    "person": "people",
    "write_ade20k": "ade20k",
    "write_coco": "coco",
    "write_imagenet": "imagenet",
    "write_nyuv2": "nyuv2",
    "write_source": "raw",
    "write_taskonomy": "taskonomy",
    "write_walkthrough": "walkthrough",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
