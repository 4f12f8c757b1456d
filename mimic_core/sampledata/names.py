"""What the sample world contains: raw sources, downstream datasets, and the flats of each purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_json

PURPOSES = (  # raw data by source, and the two splits of the downstream tasks
    *("hm3d", "gibson", "matterport3d", "arkitscenes", "mannequin", "scannet", "demon", "gibson_heldout"),
    *("train", "test"),
)
BLOCK = 1000  # most flats of a purpose; each purpose has its own range of numbers, whatever the counts of others
MARKER = "SAMPLE_WORLD.json"


@dataclass(frozen=True)
class RawSource:
    """How the sample world writes a source.

    Attributes:
        layout: module of :mod:`mimic_core.sampledata.layouts` whose ``write`` writes it.
        reads: keys of the config block ``sample`` that it reads; dotted for one key of an inner block.
    """

    layout: str
    reads: tuple[str, ...]


RAW = {
    "gibson": RawSource("gibson", ("flats.gibson",)),
    "gibson_heldout": RawSource("gibson", ("flats.gibson_heldout",)),
    "matterport3d": RawSource("matterport3d", ("flats.matterport3d",)),
    "arkitscenes": RawSource("arkitscenes", ("flats.arkitscenes", "video_seconds.arkitscenes", "camera")),
    "mannequin": RawSource("mannequin", ("flats.mannequin", "video_seconds.mannequin", "camera")),
    "objectron": RawSource("objectron", ("objects.objectron", "video_seconds.objectron", "camera")),
    "scannet": RawSource("scannet", ("flats.scannet", "sequence_frames.scannet", "camera")),
    "co3d": RawSource("co3d", ("objects.co3d", "sequence_frames.co3d", "camera")),
    "demon": RawSource("demon", ("flats.demon", "demon_samples", "camera")),
    "3dstreetview": RawSource("streetview", ("streets", "camera")),
}


@dataclass(frozen=True)
class DownstreamSet:
    """How the sample world writes a dataset that tasks are fine-tuned on.

    Attributes:
        reads: keys of the config block ``sample`` that it reads, besides the flats of both splits.
        folder: where it is written unless the config says otherwise.
    """

    reads: tuple[str, ...]
    folder: str


DOWNSTREAM = {  # by layout
    "nyuv2": DownstreamSet(("depth_images", "downstream_resolution"), "results/sample/nyuv2"),
    "taskonomy": DownstreamSet(("normal_images",), "results/sample/taskonomy"),
    "ade20k": DownstreamSet(("segmentation_images",), "results/sample/ade20k"),
    "coco": DownstreamSet(("pose_images",), "results/sample/coco"),
    "imagenet": DownstreamSet(("class_images",), "results/sample/imagenet"),
}


def part(settings: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Select these keys of a block of settings; ``flats.train`` selects one key of ``flats``."""
    chosen: dict[str, Any] = {}
    for key in keys:
        block, _, inner = key.partition(".")
        if inner:
            chosen.setdefault(block, {})[inner] = settings[block][inner]
        else:
            chosen[block] = settings[block]
    return chosen


def flat_names(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name the flats for each purpose in ``settings["flats"]``; no flat serves two purposes.

    Args:
        settings: ``flats`` gives the number of flats by purpose: the sources' names, and ``train`` and ``test`` for
            fine-tuning.

    Raises:
        MimicError: a purpose is unknown, or a number is negative or too large.
    """
    names = {}
    for purpose, count in settings["flats"].items():
        where = f"sample.flats.{purpose}"
        if purpose not in PURPOSES:
            raise MimicError(f"unknown purpose {purpose!r}", where=where, remedy=f"use one of {', '.join(PURPOSES)}")
        if not isinstance(count, int) or not 0 <= count <= BLOCK:
            remedy = f"give a whole number, 0 to {BLOCK}"
            raise MimicError(f"invalid number of flats {count!r}", where=where, remedy=remedy)
        first = PURPOSES.index(purpose) * BLOCK
        names[purpose] = [f"flat{number:03d}" for number in range(first, first + count)]
    return names


def shares(total: int, names: list[str], what: str) -> dict[str, int]:
    """Split ``total`` views as evenly as possible over the flats, with any extra ones going to the first.

    Raises:
        MimicError: ``total`` is above 0, but there are no flats.
    """
    if total and not names:
        raise MimicError(f"there are no flats for {total} {what}", where="sample.flats", remedy="set more flats")
    return {name: total // len(names) + (index < total % len(names)) for index, name in enumerate(names)}


def write_marker(folder: Path, settings: Mapping[str, Any], layout: str) -> None:
    """Write a file that marks this folder as generated, so that nobody takes it for the real dataset."""
    text = f"Made by MIMIC's sample world in the layout of {layout}. This is not {layout}: the pictures are rendered."
    write_json(folder / MARKER, {"what": text, "layout": layout, "settings": dict(settings)})
