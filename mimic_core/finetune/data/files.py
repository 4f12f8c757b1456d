"""Files and folders of a dataset: check that they exist, list them, and read images."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.foreign import cannot_open, check_picture, check_regular, picture_size, read_regular
from mimic_core.kit.errors import MimicError

SAMPLE_MARK = "SAMPLE_WORLD.json"  # marks every folder that the sample world wrote
KNOWN = (b"\xff\xd8", b"\x89PNG")  # first bytes of the image files of all layouts: JPEG and PNG


def data_label(root: str | Path, name: str) -> str:
    """Return ``sample world`` if the folder has its mark, else ``name``, so that results are not mixed up."""
    return "sample world" if (Path(root) / SAMPLE_MARK).is_file() else name


def marked_files(root: Path, *files: Path) -> list[Path]:
    """Return those of ``files`` that are regular files, and the sample world's mark if the folder has it."""
    return [path for path in (*files, root / SAMPLE_MARK) if path.is_file()]


def require(path: Path, remedy: str) -> Path:
    """Return a path after checking that it is a regular file."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise MimicError("a file of the dataset is missing", where=path, remedy=remedy) from None
    except (OSError, ValueError):
        pass  # check_regular reports it
    check_regular(path, "a file of the dataset")
    return path


def require_folder(path: Path, remedy: str) -> Path:
    """Return a path after checking that it is a folder."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises without permission to look
        raise MimicError("a folder of the dataset is missing", where=path, remedy=remedy)
    return path


def list_folder(folder: Path) -> list[Path]:
    """List a folder, sorted by name.

    Raises:
        UnreadableError: the folder cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise cannot_open(folder, "a folder of the dataset", error) from None


def read_rgb(path: Path, remedy: str) -> NDArray[np.uint8]:
    """Read an image as (H, W, 3) uint8 RGB, ignoring EXIF rotation because labels refer to the stored pixels.

    Raises:
        MimicError: the file is missing, not a regular file, not an image, damaged, or has too many pixels.
    """
    data = read_bytes(path, remedy)
    check_picture(data, path)
    image = decode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise MimicError("this image cannot be read", where=path, remedy=remedy)
    return np.asarray(image)


def read_bytes(path: Path, remedy: str) -> bytes:
    """Read the bytes of an image file; a missing one is an error."""
    return read_regular(require(path, remedy), "an image")


def decode(data: bytes, flags: int) -> NDArray[np.generic] | None:
    """Decode an image with OpenCV; None if it is not an image, damaged or truncated."""
    if not data or (not data.startswith(KNOWN) and picture_size(data) is None):
        return None  # the size of formats that only OpenCV knows cannot be checked before decoding
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (cv2.error, MemoryError):  # the file claims an enormous size
        return None
