"""Views of images: those of a folder, or those of a group that lie in several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mimic_core.errors import UnreadableError
from mimic_core.frames.faces import face_blur
from mimic_core.frames.views import Image, ResizeMode, View, to_view_size
from mimic_core.sources import Unit
from mimic_core.sources.base import name_below


@dataclass(frozen=True)
class ImageSettings:
    """How images become views.

    Attributes:
        resize: ``squash`` or ``center_crop``.
        blur_faces: file of the face detector, ``auto`` for the packaged one, or empty: faces stay as they are.
    """

    resize: ResizeMode = "squash"
    blur_faces: str = ""


def image_views(unit: Unit, settings: ImageSettings) -> Iterator[View | UnreadableError]:
    """Yield a unit's images in order, and an error in the place of each that cannot be read.

    Raises:
        UnreadableError: fewer than two can be read.
    """
    readable = 0
    hide_faces = face_blur(settings.blur_faces)
    for path in unit.listed_images():
        try:
            image = read_image(path)
        except UnreadableError as error:
            yield error
            continue
        readable += 1
        image, faces = hide_faces(image)
        yield View(to_view_size(image, settings.resize), name=name_below(unit.path, path), faces=faces)
    if readable < 2:
        raise UnreadableError(
            f"a folder with {readable} readable images of the two that a pair needs",
            where=unit.path,
            remedy="put images of the same place together into one folder",
        )


def read_image(path: Path) -> Image:
    """Read an image file as RGB (H, W, 3) uint8: upright (EXIF), 16 bits brought to 8, transparency left out.

    Raises:
        UnreadableError: it cannot be opened, or OpenCV cannot decode it.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UnreadableError(
            f"an image that cannot be opened ({error.strerror})", where=path, remedy="check its permissions"
        ) from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    except cv2.error as error:
        raise UnreadableError(f"an image that cannot be decoded ({error.err})", where=path, remedy=REMEDY) from error
    if image is None:
        what = "an image that cannot be decoded" if data.size else "an empty file"
        raise UnreadableError(what, where=path, remedy=REMEDY)
    return image


REMEDY = "save it anew as JPEG or PNG, or remove it"
