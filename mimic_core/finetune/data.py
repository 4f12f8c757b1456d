"""Labelled images: what a reader gives, whatever the dataset's layout (the readers are in ``layouts/``)."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_core.foreign import cannot_open, check_picture, check_regular, picture_size, read_regular
from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator

SAMPLE_MARK = "SAMPLE_WORLD.json"  # lies in every folder that the sample world wrote
IGNORED = 255  # class of a pixel that has none
KNOWN = (b"\xff\xd8", b"\x89PNG")  # how the files of every layout start
CHUNK = 256  # images held at a time while a test set is read


@dataclass(frozen=True)
class Samples:
    """Images with their labels, all of one size.

    Attributes:
        images: (N, H, W, 3) uint8 RGB; square but where whole images were asked for.
        target: (N, C, H, W) float32; depth in metres (C = 1), or normals in the [0, 1] encoding (C = 3).
        valid: (N, H, W) bool: the pixels that have a label.
    """

    images: NDArray[np.uint8]
    target: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ClassMaps:
    """Images with the class of every pixel, all of one size.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        labels: (N, S, S) uint8, classes counted from 0; ``IGNORED`` where a pixel has none.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Poses:
    """Pictures of one person each, cut out around them, with their joints.

    Attributes:
        images: (N, S, S, 3) uint8 RGB; black where the window reaches beyond the whole image.
        keypoints: (N, 17, 3) float32: x, y in pixels of the cut-out (whole numbers at pixel centres) and COCO's
            visibility: 0 not labelled, 1 hidden, 2 visible.
        windows: (N, 3) float32: left, top and side of the square that was cut out, pixels of the whole image. A point
            (x, y) of the cut-out lies at left + (x + 0.5) * side / S - 0.5, and likewise for y.
        areas: (N,) float32, square pixels of the whole image that the person covers.
        image_ids, annotation_ids: (N,) int64, as in the annotation file.
    """

    images: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    windows: NDArray[np.float32]
    areas: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    annotation_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ClassImages:
    """Images with one class each, all of one size.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        labels: (N,) int64, classes counted from 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


class Skipped(NamedTuple):
    """A sample, or a file, that was left out: which one, and why."""

    where: str
    what: str


Item = TypeVar("Item")
Number = TypeVar("Number", bound=np.generic)
Labelled = TypeVar("Labelled")
Labelled_co = TypeVar("Labelled_co", covariant=True)


class Split(Protocol[Labelled_co]):
    """The training or the test images of one dataset, which come with labels of one type (such as ``Samples``)."""

    label: str  # what the numbers were obtained on
    files: list[Path]  # what the receipt names
    skipped: list[Skipped]  # what was left out

    def __len__(self) -> int:
        """Number of images."""
        ...

    def load(self, rows: Sequence[int], size: int) -> Labelled_co:
        """Read images by their number, resized to ``size`` x ``size`` pixels."""
        ...

    def check(self, row: int, size: int) -> None:
        """Raise a :class:`MimicError` that names the files where an image or its label cannot be used."""
        ...

    def leave_out(self, rows: Collection[int]) -> None:
        """Go on without these images; the others move up."""
        ...


class DenseSplit(Split[Samples], Protocol):
    """Images with a label for every pixel, whole or squashed to a square."""

    def load(self, rows: Sequence[int], size: int, *, whole: bool = False) -> Samples:
        """Read images by their number; ``whole``: the shorter side at ``size``, else both sides."""
        ...


def load_all(split: Split[Labelled], size: int) -> Labelled:
    """All images of a split at once."""
    return split.load(range(len(split)), size)


def without(items: Sequence[Item], rows: Collection[int]) -> list[Item]:
    """What is left of a list without the items of these numbers."""
    gone = set(rows)
    return [item for row, item in enumerate(items) if row not in gone]


def few_shot_rows(count: int, train_images: int | None, seed: int) -> NDArray[np.int64]:
    """Training images of one repetition, ascending: ``train_images`` of ``count``, drawn by its seed, or all.

    Raises:
        MimicError: more are asked for than there are.
    """
    if train_images is None:
        return np.arange(count)
    if train_images > count:
        raise MimicError(
            f"{train_images} training images are asked for, and there are {count}",
            where="finetune.train_images",
            remedy=f"use {count} or fewer",
        )
    return np.sort(generator(seed, "few-shot").permutation(count)[:train_images])


def data_label(root: str | Path, name: str) -> str:
    """``sample world`` where the folder carries its mark, else ``name``: nobody may mistake one for the other."""
    return "sample world" if (Path(root) / SAMPLE_MARK).is_file() else name


def marked_files(root: Path, *files: Path) -> list[Path]:
    """Those of ``files`` that are regular files, and the sample world's mark where the folder carries it."""
    return [path for path in (*files, root / SAMPLE_MARK) if path.is_file()]


def require(path: Path, remedy: str) -> Path:
    """The path of a regular file that must be there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise MimicError("a file of the dataset is missing", where=path, remedy=remedy) from None
    except (OSError, ValueError):
        pass  # said below
    check_regular(path, "a file of the dataset")
    return path


def require_folder(path: Path, remedy: str) -> Path:
    """The path of a folder that must be there."""
    if not os.path.isdir(path):  # noqa: PTH112 - False where it may not be looked at, which Path.is_dir raises
        raise MimicError("a folder of the dataset is missing", where=path, remedy=remedy)
    return path


def listed(folder: Path) -> list[Path]:
    """What a folder holds, by name.

    Raises:
        UnreadableError: it cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise cannot_open(folder, "a folder of the dataset", error) from None


def read_rgb(path: Path, remedy: str) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) uint8 RGB, not turned by EXIF: labels belong to the pixels as they are stored.

    Raises:
        MimicError: it is missing, no regular file, no image, damaged, or has more pixels than are read.
    """
    data = read_bytes(path, remedy)
    check_picture(data, path)
    image = decode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise MimicError("this image cannot be read", where=path, remedy=remedy)
    return np.asarray(image)


def read_bytes(path: Path, remedy: str) -> bytes:
    """The bytes of an image file that must be there."""
    return read_regular(require(path, remedy), "an image")


def decode(data: bytes, flags: int) -> NDArray[np.generic] | None:
    """What OpenCV makes of an image file's bytes; None where they are no image, damaged or cut off."""
    if not data or (not data.startswith(KNOWN) and picture_size(data) is None):
        return None  # what OpenCV alone knows says no size beforehand
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (cv2.error, MemoryError):  # where a file claims to be enormous
        return None


def resize_image(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """An image (H, W, 3) at ``size`` x ``size``, its aspect squashed; area averaging where it shrinks."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) >= size
    resized = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)


def whole_size(image: NDArray[Any], size: int) -> tuple[int, int]:
    """Height and width of a whole image (H, W, ...) whose shorter side is brought to ``size``."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    return round(height * size / shorter), round(width * size / shorter)


def resize_whole(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """An image (H, W, 3), its shorter side at ``size``, by the bilinear filter (as the released MultiMAE)."""
    height, width = whole_size(image, size)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def resize_whole_label(label: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """A label map (H, W) or (H, W, C), its shorter side at ``size``, by the nearest pixel (as there)."""
    height, width = whole_size(label, size)
    return np.asarray(cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST))


def stacked(parts: Sequence[NDArray[Number]], where: Sequence[object]) -> NDArray[Number]:
    """Whole images, or their labels, as one array.

    Raises:
        MimicError: one is of another shape than the first; whole images are trained on only where they are of one size.
    """
    for part, place in zip(parts, where, strict=True):
        if part.shape != parts[0].shape:
            what = f"this image is {part.shape[1]}x{part.shape[0]} once its shorter side fits, and others are not"
            raise MimicError(what, where=place, remedy="use protocol: squash for images of several shapes")
    return np.stack(parts)


def resize_bicubic(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """An image (H, W, 3) at another size by Pillow's bicubic filter, as the released MAE reads ImageNet.

    OpenCV's filters give other pixels (area averaging: 1.3 grey levels on average), on which a probe depends.
    """
    picture = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.uint8)


def resize_label(label: NDArray[np.generic], height: int, width: int | None = None) -> NDArray[np.generic]:
    """A label map (H, W) or (H, W, C) at another size by the nearest pixel: labels are never mixed.

    ``width`` is the height where it is not given.
    """
    width = height if width is None else width
    if label.shape[:2] == (height, width):
        return label
    return np.asarray(cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))
