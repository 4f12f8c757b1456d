"""Reader of Taskonomy's surface normals: PNG pairs by building, and ``splits/train_val_test.csv``.

Zamir et al., "Taskonomy" (2018); folders as its download tool leaves them, a normal n stored as n * 0.5 + 0.5.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from mimic_core.errors import MimicError, printable
from mimic_core.finetune.data import (
    Samples,
    Skipped,
    data_label,
    listed,
    marked_files,
    read_rgb,
    require,
    resize_image,
    resize_label,
    without,
)
from mimic_core.finetune.usable import require_label
from mimic_core.foreign import TEXT_BYTES, foreign, read_regular

log = logging.getLogger("mimic")

SPLITS = "splits/train_val_test.csv"
RGB_NAME = re.compile(r"point_([0-9]+)_view_([0-9]+)_domain_rgb\.png")
REMEDY = "put Taskonomy's rgb/, normal/ and splits/ there; check that the download is whole"
LENGTHS = (0.5, 1.5)  # of a decoded normal; holes in the mesh are grey (0) or black (1.7)


class Taskonomy:
    """One split of Taskonomy's normals; satisfies :class:`mimic_core.finetune.data.Split`.

    Args:
        root: folder that holds ``rgb/``, ``normal/`` and ``splits/``.
        part: ``train``, ``val`` or ``test``.

    Raises:
        MimicError: the split file is missing or has other columns, no image of the split is there, or (as it is loaded)
            a pair is not whole, not readable or not of one size.
    """

    def __init__(self, root: str | Path, part: str) -> None:
        self.root = Path(root)
        self.label = data_label(root, "Taskonomy")
        self.skipped: list[Skipped] = []
        splits = require(self.root / SPLITS, REMEDY)
        self.files = marked_files(self.root, splits)
        self.images = [path for name in read_buildings(splits, part) for path in list_images(self.root / "rgb", name)]
        if not self.images:
            raise MimicError(f"there is no image of a {part} building", where=self.root / "rgb", remedy=REMEDY)

    def __len__(self) -> int:
        return len(self.images)

    def load(self, rows: Sequence[int], size: int) -> Samples:
        """Images and encoded normals; a pixel whose decoded normal is far from unit length is invalid."""
        images = np.empty((len(rows), size, size, 3), np.uint8)
        normals = np.empty((len(rows), 3, size, size), np.float32)
        for place, row in enumerate(rows):
            path = self.images[row]
            name = path.name.replace("_domain_rgb", "_domain_normal")
            normal_path = self.root / "normal" / path.parent.name / name
            image, normal = read_rgb(path, REMEDY), read_rgb(normal_path, REMEDY)
            if image.shape != normal.shape:
                what = f"the image is {image.shape} and its normals are {normal.shape}"
                raise MimicError(what, where=path, remedy=REMEDY)
            images[place] = resize_image(image, size)
            normals[place] = resize_label(normal, size).transpose(2, 0, 1)
        normals /= 255
        lengths = np.linalg.norm(2 * normals - 1, axis=1)
        return Samples(images, normals, (lengths > LENGTHS[0]) & (lengths < LENGTHS[1]))

    def check(self, row: int, size: int) -> None:
        """See that image and normals can be read and fit, and that the normals have colours and are not all invalid."""
        samples = self.load([row], size)
        require_label(samples.valid, self.images[row], REMEDY)
        red, green, blue = (channel[samples.valid] for channel in samples.target.swapaxes(0, 1))
        if (red == green).all() and (green == blue).all():
            raise MimicError("its normals are grey", where=self.images[row], remedy=REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images."""
        self.images = without(self.images, rows)


def read_buildings(path: Path, part: str) -> list[str]:
    """Names of the buildings of a split, sorted; each once."""
    data = read_regular(path, "a list of buildings", TEXT_BYTES)
    with foreign("this is no table of buildings", path, REMEDY):
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        if not {"id", part} <= set(table.fieldnames or ()):
            what = f"the columns are {table.fieldnames!r:.200}, and 'id' and {part!r} are needed"
            raise MimicError(what, where=path, remedy=REMEDY)
        names = sorted({row["id"] or "" for row in table if row[part] == "1"})
    if not names:
        raise MimicError(f"no building has a 1 under {part!r}", where=path, remedy=REMEDY)
    return names


def list_images(folder: Path, name: str) -> list[Path]:
    """A building's images by point and view; none, with a warning, where the building was not downloaded.

    Args:
        folder: that of the buildings.
        name: the building's; one that is a path leads nowhere.
    """
    building = folder / name
    if name in ("", ".", "..") or "/" in name or not os.path.isdir(building):  # noqa: PTH112
        where = printable(str(building))
        log.warning("Taskonomy building %s is in the split and not on disk: left out", where)
        return []
    found = [(RGB_NAME.fullmatch(path.name), path) for path in listed(building)]
    return [path for _, path in sorted((tuple(map(int, match.groups())), path) for match, path in found if match)]
