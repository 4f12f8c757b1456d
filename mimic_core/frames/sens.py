"""Frames of a ScanNet recording, ``.sens``, one after the other.

Little endian: the version (uint32); a name (uint64 length, bytes); four 4x4 float32 matrices; the compressions of
colour and depth (int32); the sizes of both (4 uint32); the depth's unit (float32); the number of frames (uint64). Each
frame is a 4x4 float32 pose, the time stamps of colour and depth, the bytes of both (4 uint64), then colour and depth
themselves. Depth is passed over. No size is believed before it is compared with what the file still holds.

Source: the format's description at www.scan-net.org.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from mimic_core.errors import UnreadableError
from mimic_core.frames.faces import face_blur
from mimic_core.frames.images import ImageSettings
from mimic_core.frames.views import Image, View, decode_image, to_view_size

log = logging.getLogger("mimic")

VERSION = 4
RAW, PNG, JPEG = 0, 1, 2  # how colour is compressed
LARGEST_FRAME = 1 << 28  # bytes of one colour frame; ScanNet's have about 100 thousand
LONGEST_NAME = 1 << 16  # bytes of the sensor's name
_MATRICES, _REST, _FRAME = 4 * 64, struct.Struct("<ii4IfQ"), struct.Struct("<64x4Q")


class _Truncated(Exception):
    """The file ends before what it announces."""


@dataclass(frozen=True)
class SensHeader:
    """What is said before the first frame.

    Attributes:
        compression: of colour: 0 none, 1 PNG, 2 JPEG.
        width, height: of a colour frame in pixels.
        frames: how many the file announces.
    """

    compression: int
    width: int
    height: int
    frames: int


def sens_views(path: Path, settings: ImageSettings) -> Iterator[View | UnreadableError]:
    """Yield the colour frames in order; one that cannot be decoded is an error in its place.

    A view's name is its frame's number, its time the frame's stamp in seconds after the first frame's (stamps are
    microseconds); NaN where the stamps are 0. A file that breaks off gives the views up to there, with a warning.

    Raises:
        UnreadableError: it cannot be opened, is no ``.sens`` of version 4, or gives fewer than two views.
    """
    hide_faces = face_blur(settings.blur_faces)
    readable, start = 0, 0
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            header = read_header(stream, size, path)
            for number in range(header.frames):
                stamp, data = read_frame(stream, size)
                start = start or stamp
                try:
                    image = decode_frame(data, header)
                except (ValueError, cv2.error) as error:
                    yield UnreadableError(f"a frame that cannot be decoded ({error})", where=path / f"{number:06d}")
                    continue
                readable += 1
                image, faces = hide_faces(image)
                time = (stamp - start) / 1e6 if start else float("nan")
                yield View(to_view_size(image, settings.resize), time=time, name=f"{number:06d}", faces=faces)
    except OSError as error:
        raise fault(path, f"a recording that cannot be read ({error.strerror})", "check its permissions") from error
    except _Truncated as error:
        if readable < 2:
            raise fault(path, f"a recording that breaks off after {readable} views ({error})") from error
        log.warning("%s breaks off after %d views (%s); these are used", path, readable, error)
    if readable < 2:
        raise fault(path, f"a recording with {readable} readable frames of the two that a pair needs")


def read_header(stream: BinaryIO, size: int, path: Path) -> SensHeader:
    """Read what is said before the first frame, and leave the stream there."""
    try:
        (version,) = struct.unpack("<I", take(stream, 4, size))
        if version != VERSION:
            raise fault(path, f"no .sens recording of version {VERSION}: its first number is {version}")
        (length,) = struct.unpack("<Q", take(stream, 8, size))
        take(stream, length, size, LONGEST_NAME)
        take(stream, _MATRICES, size)
        compression, _, width, height, _, _, _, frames = _REST.unpack(take(stream, _REST.size, size))
    except _Truncated as error:
        raise fault(path, f"a recording whose beginning cannot be read ({error})") from error
    if compression not in (RAW, PNG, JPEG):
        raise fault(path, f"a recording whose colour has the unknown compression {compression}")
    return SensHeader(compression, width, height, frames)


def read_frame(stream: BinaryIO, size: int) -> tuple[int, bytes]:
    """Time stamp and bytes of the next colour frame; the stream is left behind its depth."""
    stamp, _, colour_bytes, depth_bytes = _FRAME.unpack(take(stream, _FRAME.size, size))
    data = take(stream, colour_bytes, size, LARGEST_FRAME)
    if depth_bytes > size - stream.tell():
        raise _Truncated(f"{depth_bytes} bytes of depth are announced, {size - stream.tell()} are left")
    stream.seek(depth_bytes, os.SEEK_CUR)
    return stamp, data


def take(stream: BinaryIO, count: int, size: int, most: int = LARGEST_FRAME) -> bytes:
    """Read exactly ``count`` bytes, once it is sure that the file still holds them."""
    left = size - stream.tell()
    if count > min(left, most):
        raise _Truncated(f"{count} bytes are announced, {left} are left" if count > left else f"{count} bytes at once")
    data = stream.read(count)
    if len(data) < count:
        raise _Truncated("the file has become shorter")
    return data


def decode_frame(data: bytes, header: SensHeader) -> Image:
    """RGB image (H, W, 3) uint8 of a colour frame."""
    if header.compression != RAW:
        return decode_image(data)
    if len(data) != header.width * header.height * 3 or not data:
        raise ValueError(f"{len(data)} bytes are no {header.width}x{header.height} pixels")
    return np.frombuffer(data, np.uint8).reshape(header.height, header.width, 3)


def fault(path: Path, what: str, remedy: str = "fetch it again, or remove it") -> UnreadableError:
    """The error of a recording."""
    return UnreadableError(what, where=path, remedy=remedy)
