"""Views: the 224x224 images of a unit, and how they are decoded, resized and stored."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.foreign import check_picture, foreign
from mimic_core.frames.settings import ResizeMode
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit

Image = NDArray[np.uint8]

VIEW_SIZE = 224  # pixels
JPEG_QUALITY = 95


@dataclass(frozen=True)
class View:
    """One image of a unit and where it comes from.

    Attributes:
        image: (224, 224, 3) uint8 RGB.
        time: seconds from the start of a video or recording; NaN otherwise.
        position: x, y, z of a scene's camera in metres (y up); NaN otherwise.
        yaw: heading of a scene's camera in degrees; NaN otherwise.
        group: sample of the random walk; in a video, the number of timestamp resets so far, normally 0. Candidate
            rules look at one group at a time.
        role: list of the random walk that the view belongs to (``A``, ``B``, ``C``); empty otherwise.
        name: name of an image file or frame; empty for a video and a scene.
        faces: number of blurred faces.
    """

    image: Image
    time: float = float("nan")
    position: tuple[float, float, float] = (float("nan"),) * 3
    yaw: float = float("nan")
    group: int = 0
    role: str = ""
    name: str = ""
    faces: int = 0


@dataclass(frozen=True)
class Stored:
    """An encoded view and the columns of its row.

    Attributes:
        jpeg: the encoded image.
        facts: columns of the table of views: ``group``, ``role``, ``name``, ``faces``, ``time``, ``x``, ``y``, ``z``,
            ``yaw``, ``blur``.
    """

    jpeg: bytes
    facts: dict[str, Any]


def stored(view: View) -> Stored:
    """Encode a view."""
    x, y, z = view.position
    facts = {
        "group": view.group,
        "role": view.role,
        "name": view.name,
        "faces": view.faces,
        "time": view.time,
        "x": x,
        "y": y,
        "z": z,
        "yaw": view.yaw,
        "blur": blur_variance(view.image),
    }
    return Stored(encode_jpeg(view.image), facts)


@dataclass(frozen=True)
class Remark:
    """A note on a unit that was read despite a problem; readers yield it among the views.

    Attributes:
        text: the note without the unit's name, such as ``1 damaged packet at 3.0 s``.
    """

    text: str


Reading = View | Stored | Remark | UnreadableError
Reader = Callable[[Unit], Iterator[Reading]]


def stored_views(read: Reader, unit: Unit) -> Iterator[Stored | Remark | UnreadableError]:
    """Yield what a reader yields for a unit, with each view encoded as :class:`Stored`."""
    for view in read(unit):
        yield stored(view) if isinstance(view, View) else view


def to_view_size(image: Image, mode: ResizeMode = "squash") -> Image:
    """Resize an image to 224x224.

    Args:
        image: (H, W, 3) uint8.
        mode: ``squash`` ignores the aspect ratio, as the released scripts do (bilinear like theirs, since the filter
            affects the verdicts); ``center_crop`` first crops the largest centred square.
    """
    if mode == "center_crop":
        height, width = image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[top : top + side, left : left + side]
    if image.shape[:2] == (VIEW_SIZE, VIEW_SIZE):
        return np.ascontiguousarray(image)
    resized: Image = cv2.resize(image, (VIEW_SIZE, VIEW_SIZE), interpolation=cv2.INTER_LINEAR)
    return resized


def encode_jpeg(image: Image) -> bytes:
    """Encode an RGB image as JPEG with quality 95."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError("OpenCV could not encode the image")
    return data.tobytes()


def decode_image(data: bytes) -> Image:
    """Decode a trusted image as RGB (H, W, 3) uint8, without checking bounds.

    Raises:
        ValueError: the bytes are not an image.
    """
    image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError("the bytes are not an image")
    return image


def decode_picture(data: bytes, where: object) -> Image:
    """Decode an untrusted image file as RGB (H, W, 3) uint8: upright, 16 bits reduced to 8, transparency dropped.

    OpenCV applies the Exif orientation; in an AVIF, ``irot`` and ``imir`` take its place. If a file contains several
    images, the first is decoded.

    Args:
        data: bytes of a JPEG, PNG, WebP, AVIF or another image file.
        where: the file, for messages.

    Raises:
        UnreadableError: OpenCV cannot decode it, or its header exceeds the bounds in ``foreign``.
    """
    if not data:
        raise UnreadableError("an empty file", where=where, remedy=REMEDY)
    check_picture(data, where)
    with foreign("an image that cannot be decoded", where, REMEDY):
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        if image is not None and data[4:8] == b"ftyp" and (b"irot" in data or b"imir" in data):
            image = turned(image, turn_of_avif(data))
    if image is None:
        kind = " (HEIF)" if data[4:8] == b"ftyp" and data[8:12] not in (b"avif", b"avis") else ""
        raise UnreadableError(f"an image that cannot be decoded{kind}", where=where, remedy=REMEDY)
    return image


REMEDY = "save it again as JPEG or PNG, or remove it"
ORIENTATION = 0x0112  # Exif tag


def turn_of_avif(data: bytes) -> int:
    """Return the orientation that an AVIF's ``irot`` and ``imir`` give, as an Exif value from 1 to 8."""
    from PIL import Image as Pillow  # needed only to turn an AVIF

    with Pillow.open(io.BytesIO(data), formats=["AVIF"]) as picture:
        return int(picture.getexif().get(ORIENTATION, 1))


def turned(image: Image, orientation: int) -> Image:
    """Turn an image (H, W, 3) upright, given its Exif orientation from 1 to 8."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def blur_variance(image: Image) -> float:
    """Return the variance of the Laplacian of the grey image (grey levels squared): low for blurred or plain views."""
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
