"""Perceptual hashes of a task's test images, to find mined pairs that resemble them."""

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
SIZE = 224  # side in pixels, the size of stored views


def write_hashes(task: str, root: Path, splits: Mapping[str, str], out: Path) -> dict[str, Any]:
    """Write the hashes of a task's test images, one row per image.

    Returns:
        Statistics for the receipt: ``images``, the number of rows.
    """
    with atomic_path(out) as temporary, RowWriter(temporary, HASHES) as table:
        for name, image in track(get_task(task).evaluation_images(root, splits, SIZE), "images"):
            table.add({"image": name.encode("utf-8", "backslashreplace").decode(), "hash": perceptual_hash(image)})
    return {"images": table.rows}
