"""Perceptual hashes of the test images of every task, so that mined pairs can be compared with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mimic_core.finetune.data import CHUNK, read_rgb, resize_image
from mimic_core.finetune.layouts.ade20k import ADE20K
from mimic_core.finetune.layouts.coco import CocoKeypoints
from mimic_core.finetune.layouts.imagenet import ImageNet
from mimic_core.finetune.layouts.nyuv2 import NYUv2
from mimic_core.finetune.layouts.taskonomy import Taskonomy
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import track
from mimic_core.kit.tables import RowWriter
from mimic_core.pairs import perceptual_hash

HASHES = pa.schema([("image", pa.string()), ("hash", pa.uint64())])
SIZE = 224  # pixels of a side, as views are stored
REMEDY = "check the dataset's download"

Image = NDArray[np.uint8]


def nyuv2_images(root: Path, splits: Mapping[str, str]) -> Iterator[tuple[str, Image]]:
    """Test images of NYUv2."""
    split = NYUv2(root, "test")
    for start in range(0, len(split), CHUNK):
        rows = range(start, min(start + CHUNK, len(split)))
        yield from zip(map(split.name, rows), split.load(rows, SIZE).images, strict=True)


def files_of(task: str, root: Path, splits: Mapping[str, str]) -> list[Path]:
    """Files of the test images of the other tasks."""
    if task == "normals":
        split = Taskonomy(root, "test", splits)
        return [split.rgb(row) for row in range(len(split))]
    if task == "pose":
        people = CocoKeypoints(root, "test")
        return [people.folder / name for name in people.names.values()]
    return list((ADE20K if task == "segmentation" else ImageNet)(root, "test").images)


def images_of(task: str, root: Path, splits: Mapping[str, str]) -> Iterator[tuple[str, Image]]:
    """Name and picture of every test image of a task that can be read; squashed to a square, as views are."""
    if task == "depth":
        yield from nyuv2_images(root, splits)
        return
    for path in files_of(task, root, splits):
        try:
            yield path.name, resize_image(read_rgb(path, REMEDY), SIZE)
        except MimicError:
            continue  # the task's own job names it


def write_hashes(task: str, root: Path, splits: Mapping[str, str], out: Path) -> dict[str, Any]:
    """Write the hashes of a task's test images, a row each.

    Returns:
        Statistics: ``images``.
    """
    with atomic_path(out) as temporary, RowWriter(temporary, HASHES) as table:
        for name, image in track(images_of(task, root, splits), "images"):
            table.add({"image": name.encode("utf-8", "backslashreplace").decode(), "hash": perceptual_hash(image)})
    return {"images": table.rows}
