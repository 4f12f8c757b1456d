"""Reader of Taskonomy's surface normals: PNG pairs by building, and split files.

Zamir et al., "Taskonomy" (2018); folders as its download tool creates them, with a normal n stored as n * 0.5 + 0.5.

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
    list_folder,
    marked_files,
    read_rgb,
    require,
    require_folder,
    require_label,
    resize_image,
    resize_label,
    stack,
    whole_size,
    without,
)
from mimic_core.foreign import TEXT_BYTES, foreign, read_regular
from mimic_core.kit.errors import MimicError, printable

SPLITS = "splits"
SPLIT_GLOB = "train_val_test*.csv"
IMAGES = ("building", "point", "view")  # columns of a list of images
RGB_NAME = re.compile(r"point_([0-9]+)_view_([0-9]+)_domain_rgb\.png")
REMEDY = "put Taskonomy's rgb/, normal/ and splits/ there; check that the download is whole"
VALID_LENGTHS = (0.5, 1.5)  # of a decoded normal; holes in the mesh are grey (0) or black (1.7)
BLOCK = 4  # side in pixels of blocks; the released MultiMAE ignores blocks that touch a hole


class ImageLocation(NamedTuple):
    """Location of an image: its building's folder, and the numbers of its point and view."""

    building: str
    point: str
    view: str

    def path(self, root: Path, folder: str, domain: str) -> Path:
        """Return the file of one domain, such as ``rgb``."""
        return root / folder / self.building / f"point_{self.point}_view_{self.view}_domain_{domain}.png"


class Taskonomy:
    """One part of Taskonomy's normals; implements :class:`mimic_core.finetune.data.DenseSplit`.

    Args:
        root: folder that holds ``rgb/``, ``normal/``, ``splits/`` and, optionally, ``mask_valid/``.
        part: ``train``, ``val`` or ``test``.
        splits: split files by part, relative to the root or absolute; the default is the one in ``splits/``.

    Attributes:
        images: locations of the images, in the order of the split file, or sorted by building, point and view.

    Raises:
        MimicError: the split file is missing or has other columns, the part has no images, or (on loading) a pair is
            incomplete, unreadable or of different sizes.
    """

    def __init__(self, root: str | Path, part: str, splits: Mapping[str, str] | None = None) -> None:
        self.root = Path(root)
        self.label = data_label(root, "Taskonomy")
        given = (splits or {}).get(part)
        path = require(self.root / given, REMEDY) if given else default_split_file(self.root)
        self.files = marked_files(self.root, path)
        self.skipped: list[Skipped] = []
        self.images: list[ImageLocation] = []
        rgb = require_folder(self.root / "rgb", REMEDY)
        columns, rows = read_table(path)
        if set(IMAGES) <= columns:
            self.images = [ImageLocation(*(row[key] or "" for key in IMAGES)) for row in rows]
        elif {"id", part} <= columns:
            self.images = self.building_images(rgb, sorted({row["id"] or "" for row in rows if row[part] == "1"}), part)
        else:
            what = f"the columns are {sorted(columns)!r:.200}, but must include {', '.join(IMAGES)}, or id and {part}"
            raise MimicError(what, where=path, remedy=REMEDY)
        if not self.images:
            raise MimicError(f"there is no image of a {part} building", where=path, remedy=REMEDY)

    def __len__(self) -> int:
        return len(self.images)

    def building_images(self, rgb: Path, names: Sequence[str], part: str) -> list[ImageLocation]:
        """List the images of buildings by point and view, skipping buildings that were not downloaded."""
        if not names:
            raise MimicError(f"no building has a 1 under {part!r}", where=self.files[0], remedy=REMEDY)
        places = []
        for name in names:
            found = list_images(rgb, name)
            if found is None:
                self.skipped.append(Skipped(printable(str(rgb / name)), "this building was not downloaded"))
            places += found or []
        return places

    def load(self, rows: Sequence[int], size: int, *, whole: bool = False) -> Samples:
        """Read images and encoded normals; valid pixels have normals of about unit length and no hole in the mask."""
        images, normals, valid = [], [], []
        for row in rows:
            image, normal, mask = self.read(row)
            height, width = whole_size(image, size) if whole else (size, size)
            images.append(bilinear(image, height, width) if whole else resize_image(image, size))
            label = resize_label(normal, height, width).astype(np.float32) / 255
            length = np.linalg.norm(2 * label - 1, axis=2)
            known = (length > VALID_LENGTHS[0]) & (length < VALID_LENGTHS[1])
            if mask is not None:
                known &= intact_blocks(resize_label(mask, height, width).astype(bool))
            normals.append(label.transpose(2, 0, 1))
            valid.append(known)
        names = [self.rgb(row) for row in rows]
        return Samples(stack(images, names), np.stack(normals), np.stack(valid))

    def rgb(self, row: int) -> Path:
        """Return the file of an image."""
        return self.images[row].path(self.root, "rgb", "rgb")

    def read(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8] | None]:
        """Read an image and its normals (H, W, 3), and the mask of valid pixels (H, W), or None without a mask."""
        place, path = self.images[row], self.rgb(row)
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in place):
            what = f"{tuple(place)!r:.200} is not an image location"
            raise MimicError(what, where=self.files[0], remedy="use Taskonomy's splits")
        image, normal = read_rgb(path, REMEDY), read_rgb(place.path(self.root, "normal", "normal"), REMEDY)
        mask_path = place.path(self.root, "mask_valid", "depth_zbuffer")
        mask = read_rgb(mask_path, REMEDY)[..., 0] if os.path.lexists(mask_path) else None
        for what, other in (("normals", normal), ("mask", mask)):
            if other is not None and image.shape[:2] != other.shape[:2]:
                sizes = f"the image is {image.shape[:2]} and its {what} {other.shape[:2]} (height, width)"
                raise MimicError(sizes, where=path, remedy=REMEDY)
        return image, normal, mask

    def check(self, row: int, size: int) -> None:
        """Check that image and normals are readable and of one size, with some valid normal and not all grey."""
        samples = self.load([row], size)
        require_label(samples.valid, self.rgb(row), REMEDY)
        red, green, blue = (channel[samples.valid] for channel in samples.target.swapaxes(0, 1))
        if (red == green).all() and (green == blue).all():
            raise MimicError("its normals are grey", where=self.rgb(row), remedy=REMEDY)

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove these images."""
        self.images = without(self.images, rows)


def default_split_file(root: Path) -> Path:
    """Return the split file in the dataset's ``splits/``.

    Raises:
        MimicError: there is none, or more than one.
    """
    folder = root / SPLITS
    found = [path for path in list_folder(folder) if path.match(SPLIT_GLOB)] if os.path.isdir(folder) else []  # noqa: PTH112
    if len(found) == 1:
        return require(found[0], REMEDY)
    if not found:
        raise MimicError(f"{SPLITS}/{SPLIT_GLOB} is missing", where=root, remedy=REMEDY)
    names = ", ".join(path.name for path in found)
    choose = (
        f"choose one, such as finetune.tasks.normals.splits: {{train: {SPLITS}/{found[0].name}, val: ..., test: ...}}"
    )
    raise MimicError(f"there are several split files: {names}", where=folder, remedy=choose)


def read_table(path: Path) -> tuple[set[str], Iterator[dict[str, str | None]]]:
    """Read the column names of a split file, and its rows."""
    data = read_regular(path, "a split file", TEXT_BYTES)
    with foreign("this is not a table of buildings or images", path, REMEDY):
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        return set(table.fieldnames or ()), iter(list(table))


def list_images(folder: Path, name: str) -> list[ImageLocation] | None:
    """List a building's images by point and view; None if the building was not downloaded.

    Args:
        folder: parent folder of the buildings.
        name: name of the building; a path counts as not downloaded.
    """
    building = folder / name
    if name in ("", ".", "..") or "/" in name or not os.path.isdir(building):  # noqa: PTH112
        return None
    found = filter(None, (RGB_NAME.fullmatch(path.name) for path in list_folder(building)))
    return [
        ImageLocation(name, *match.groups())
        for match in sorted(found, key=lambda match: tuple(map(int, match.groups())))
    ]


def bilinear(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize an image with Pillow's bilinear filter, as the released MultiMAE reads Taskonomy."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR), dtype=np.uint8)


def intact_blocks(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels in blocks that are valid throughout."""
    rows, columns = (length // BLOCK for length in seen.shape)
    if not rows or not columns:
        return seen
    whole = seen[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).all(axis=(1, 3))
    resized: NDArray[np.uint8] = cv2.resize(
        whole.astype(np.uint8), seen.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT
    )
    return resized.astype(bool)
