"""Reader of Taskonomy's surface normals: PNG pairs by building, and the files that split them.

Zamir et al., "Taskonomy" (2018); folders as its download tool leaves them, a normal n stored as n * 0.5 + 0.5.

A split file is one of Taskonomy's own, ``train_val_test_<size>.csv``, which names the buildings of every part (columns
``id``, ``train``, ``val``, ``test``), or a list of the images of one part (columns ``building``, ``point``, ``view``),
such as the released MultiMAE's ``tiny_train.csv``.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_core.finetune.data import (
    Samples,
    Skipped,
    data_label,
    listed,
    marked_files,
    read_rgb,
    require,
    require_folder,
    require_label,
    resize_image,
    resize_label,
    stacked,
    whole_size,
    without,
)
from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError, printable

SPLITS = "splits"
OWN = "train_val_test*.csv"
IMAGES = ("building", "point", "view")  # columns of a list of images
RGB_NAME = re.compile(r"point_([0-9]+)_view_([0-9]+)_domain_rgb\.png")
REMEDY = "put Taskonomy's rgb/, normal/ and splits/ there; check that the download is whole"
LENGTHS = (0.5, 1.5)  # of a decoded normal; holes in the mesh are grey (0) or black (1.7)
BLOCK = 4  # pixels of a side; the released MultiMAE counts no pixel of a block that touches a hole


class Place(NamedTuple):
    """Where an image lies: a building's folder, and the numbers of its point and view."""

    building: str
    point: str
    view: str

    def path(self, root: Path, folder: str, domain: str) -> Path:
        """The file of one domain, such as ``rgb``."""
        return root / folder / self.building / f"point_{self.point}_view_{self.view}_domain_{domain}.png"


class Taskonomy:
    """One part of Taskonomy's normals; satisfies :class:`mimic_core.finetune.data.DenseSplit`.

    Args:
        root: folder that holds ``rgb/``, ``normal/``, ``splits/`` and, where it was fetched, ``mask_valid/``.
        part: ``train``, ``val`` or ``test``.
        splits: split files by part, below the root or absolute; where there is none, the one in ``splits/``.

    Attributes:
        images: the places of the images, in the order of the split file, or by building, point and view.

    Raises:
        MimicError: the split file is missing or has other columns, no image of the part is there, or (as it is loaded)
            a pair is not whole, not readable or not of one size.
    """

    def __init__(self, root: str | Path, part: str, splits: Mapping[str, str] | None = None) -> None:
        self.root = Path(root)
        self.label = data_label(root, "Taskonomy")
        given = (splits or {}).get(part)
        path = require(self.root / given, REMEDY) if given else own_splits(self.root)
        self.files = marked_files(self.root, path)
        self.skipped: list[Skipped] = []
        self.images: list[Place] = []
        rgb = require_folder(self.root / "rgb", REMEDY)
        columns, rows = read_table(path)
        if set(IMAGES) <= columns:
            self.images = [Place(*(row[key] or "" for key in IMAGES)) for row in rows]
        elif {"id", part} <= columns:
            self.images = self.of_buildings(rgb, sorted({row["id"] or "" for row in rows if row[part] == "1"}), part)
        else:
            what = f"the columns are {sorted(columns)!r:.200}, and {', '.join(IMAGES)} are needed, or id and {part}"
            raise MimicError(what, where=path, remedy=REMEDY)
        if not self.images:
            raise MimicError(f"there is no image of a {part} building", where=path, remedy=REMEDY)

    def __len__(self) -> int:
        return len(self.images)

    def of_buildings(self, rgb: Path, names: Sequence[str], part: str) -> list[Place]:
        """Images of buildings by point and view; a building that was not downloaded is left out by name."""
        if not names:
            raise MimicError(f"no building has a 1 under {part!r}", where=self.files[0], remedy=REMEDY)
        places = []
        for name in names:
            found = list_images(rgb, name)
            if found is None:
                self.skipped.append(Skipped(printable(str(rgb / name)), "this building is in the split and not there"))
            places += found or []
        return places

    def load(self, rows: Sequence[int], size: int, *, whole: bool = False) -> Samples:
        """Images and encoded normals; a pixel counts where its normal is near unit length and the mask has no hole."""
        images, normals, valid = [], [], []
        for row in rows:
            image, normal, mask = self.read(row)
            height, width = whole_size(image, size) if whole else (size, size)
            images.append(bilinear(image, height, width) if whole else resize_image(image, size))
            label = resize_label(normal, height, width).astype(np.float32) / 255
            length = np.linalg.norm(2 * label - 1, axis=2)
            known = (length > LENGTHS[0]) & (length < LENGTHS[1])
            if mask is not None:
                known &= without_holes(resize_label(mask, height, width).astype(bool))
            normals.append(label.transpose(2, 0, 1))
            valid.append(known)
        names = [self.rgb(row) for row in rows]
        return Samples(stacked(images, names), np.stack(normals), np.stack(valid))

    def rgb(self, row: int) -> Path:
        """The file of an image."""
        return self.images[row].path(self.root, "rgb", "rgb")

    def read(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8] | None]:
        """An image and its normals (H, W, 3), and the mask (H, W) of what was seen; None where it was not fetched."""
        place, path = self.images[row], self.rgb(row)
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in place):
            raise MimicError(f"{tuple(place)!r:.200} is no image", where=self.files[0], remedy="use Taskonomy's splits")
        image, normal = read_rgb(path, REMEDY), read_rgb(place.path(self.root, "normal", "normal"), REMEDY)
        mask_path = place.path(self.root, "mask_valid", "depth_zbuffer")
        mask = read_rgb(mask_path, REMEDY)[..., 0] if os.path.lexists(mask_path) else None
        for what, other in (("normals", normal), ("mask", mask)):
            if other is not None and image.shape[:2] != other.shape[:2]:
                sizes = f"the image is {image.shape[:2]} and its {what} {other.shape[:2]} (height, width)"
                raise MimicError(sizes, where=path, remedy=REMEDY)
        return image, normal, mask

    def check(self, row: int, size: int) -> None:
        """See that image and normals can be read and fit, and that the normals have colours and are not all invalid."""
        samples = self.load([row], size)
        require_label(samples.valid, self.rgb(row), REMEDY)
        red, green, blue = (channel[samples.valid] for channel in samples.target.swapaxes(0, 1))
        if (red == green).all() and (green == blue).all():
            raise MimicError("its normals are grey", where=self.rgb(row), remedy=REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images."""
        self.images = without(self.images, rows)


def own_splits(root: Path) -> Path:
    """The split file of a download.

    Raises:
        MimicError: there is none, or more than one.
    """
    folder = root / SPLITS
    found = [path for path in listed(folder) if path.match(OWN)] if os.path.isdir(folder) else []  # noqa: PTH112
    if len(found) == 1:
        return require(found[0], REMEDY)
    if not found:
        raise MimicError(f"{SPLITS}/{OWN} is missing", where=root, remedy=REMEDY)
    names = ", ".join(path.name for path in found)
    choose = (
        f"say which, such as finetune.tasks.normals.splits: {{train: {SPLITS}/{found[0].name}, val: ..., test: ...}}"
    )
    raise MimicError(f"there are several split files: {names}", where=folder, remedy=choose)


def read_table(path: Path) -> tuple[set[str], Iterator[dict[str, str | None]]]:
    """Names of the columns of a split file, and its rows."""
    data = read_regular(path, "a split file", TEXT_BYTES)
    with foreign("this is no table of buildings or images", path, REMEDY):
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        return set(table.fieldnames or ()), iter(list(table))


def list_images(folder: Path, name: str) -> list[Place] | None:
    """A building's images by point and view; None where the building was not downloaded.

    Args:
        folder: that of the buildings.
        name: the building's; one that is a path leads nowhere.
    """
    building = folder / name
    if name in ("", ".", "..") or "/" in name or not os.path.isdir(building):  # noqa: PTH112
        return None
    found = filter(None, (RGB_NAME.fullmatch(path.name) for path in listed(building)))
    return [Place(name, *match.groups()) for match in sorted(found, key=lambda match: tuple(map(int, match.groups())))]


def bilinear(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """An image at another size by Pillow's bilinear filter, as the released MultiMAE reads Taskonomy."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR), dtype=np.uint8)


def without_holes(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pixels count: those of blocks in which everything was seen."""
    rows, columns = (length // BLOCK for length in seen.shape)
    if not rows or not columns:
        return seen
    whole = seen[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).all(axis=(1, 3))
    resized: NDArray[np.uint8] = cv2.resize(
        whole.astype(np.uint8), seen.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT
    )
    return resized.astype(bool)
