"""Perceptual hashes of the test images of every task, so that mined pairs can be compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from mimic_core.finetune.tasks import get_task
from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import track
from mimic_core.kit.tables import RowWriter
from mimic_core.pairs import perceptual_hash

HASHES = pa.schema([("image", pa.string()), ("hash", pa.uint64())])
SIZE = 224  # pixels of a side, as views are stored


def write_hashes(task: str, root: Path, splits: Mapping[str, str], out: Path) -> dict[str, Any]:
    """Write the hashes of a task's test images, a row each.

    Returns:
        Statistics: ``images``.
    """
    with atomic_path(out) as temporary, RowWriter(temporary, HASHES) as table:
        for name, image in track(get_task(task).test_images(root, splits, SIZE), "images"):
            table.add({"image": name.encode("utf-8", "backslashreplace").decode(), "hash": perceptual_hash(image)})
    return {"images": table.rows}
