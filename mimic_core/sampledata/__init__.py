"""The sample world: procedural flats, objects and streets, written in the layouts of the raw and downstream datasets.

It lets the whole workflow run offline in minutes. Its folders are marked as generated: a result on them is not a
result on NYUv2, Taskonomy or HM3D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door
from mimic_core.sampledata.names import DOWNSTREAM, RAW, flat_names, part

if TYPE_CHECKING:
    from mimic_core.sampledata.build.artwork import landscape, poster
    from mimic_core.sampledata.build.flat import flat_glb, write_flat
    from mimic_core.sampledata.build.gltf import Part, glb_bytes
    from mimic_core.sampledata.build.materials import Materials
    from mimic_core.sampledata.build.people import Person, flat_with_people, person
    from mimic_core.sampledata.build.two_storeys import house_glb
    from mimic_core.sampledata.film.walkthrough import write_walkthrough
    from mimic_core.sampledata.layouts.ade20k import write_ade20k
    from mimic_core.sampledata.layouts.coco import write_coco
    from mimic_core.sampledata.layouts.imagenet import write_imagenet
    from mimic_core.sampledata.layouts.nyuv2 import write_nyuv2
    from mimic_core.sampledata.layouts.raw import write_source
    from mimic_core.sampledata.layouts.taskonomy import write_taskonomy

__all__ = [
    "DOWNSTREAM",
    "RAW",
    "Materials",
    "Part",
    "Person",
    "flat_glb",
    "flat_names",
    "flat_with_people",
    "glb_bytes",
    "house_glb",
    "landscape",
    "part",
    "person",
    "poster",
    "write_ade20k",
    "write_coco",
    "write_flat",
    "write_imagenet",
    "write_nyuv2",
    "write_source",
    "write_taskonomy",
    "write_walkthrough",
]

MODULES = {  # imported on first use, so that planning a run loads only the names
    "landscape": "build.artwork",
    "poster": "build.artwork",
    "Part": "build.gltf",
    "glb_bytes": "build.gltf",
    "Materials": "build.materials",
    "flat_glb": "build.flat",
    "write_flat": "build.flat",
    "house_glb": "build.two_storeys",
    "Person": "build.people",
    "flat_with_people": "build.people",
    "person": "build.people",
    "write_ade20k": "layouts.ade20k",
    "write_coco": "layouts.coco",
    "write_imagenet": "layouts.imagenet",
    "write_nyuv2": "layouts.nyuv2",
    "write_source": "layouts.raw",
    "write_taskonomy": "layouts.taskonomy",
    "write_walkthrough": "film.walkthrough",
}

__getattr__ = lazy_door(__name__, MODULES)
