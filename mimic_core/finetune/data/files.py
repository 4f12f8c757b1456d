"""Files and folders of a dataset: that they are there, what lies in them, and images as they are stored."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.foreign import cannot_open, check_picture, check_regular, picture_size, read_regular
from mimic_core.kit.errors import MimicError

SAMPLE_MARK = "SAMPLE_WORLD.json"  # lies in every folder that the sample world wrote
KNOWN = (b"\xff\xd8", b"\x89PNG")  # how the files of every layout start


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
