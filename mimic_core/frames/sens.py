"""Read the frames of a ScanNet recording (``.sens``) one at a time.

Format, little endian: version (uint32); name (uint64 length, bytes); four 4x4 float32 matrices; compression of colour
and depth (int32 each); width and height of both (4 uint32); depth unit (float32); number of frames (uint64). Each frame
is a 4x4 float32 pose, the timestamps of colour and depth and their sizes in bytes (4 uint64), then colour and depth
data. Depth is skipped. Every declared size is compared with the bytes left in the file before it is used.

Source: the format's description at www.scan-net.org.
"""

from __future__ import annotations

import logging
import math
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mimic_core.foreign import check_pixels, foreign, open_regular
from mimic_core.frames.faces import face_blur
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import Image, Remark, View, decode_picture, to_view_size
from mimic_core.kit.errors import UnreadableError

log = logging.getLogger("mimic")

VERSION = 4
RAW, PNG, JPEG = 0, 1, 2  # colour compression
LARGEST_FRAME = 1 << 28  # bytes per colour frame; ScanNet's have about 100 thousand
LONGEST_NAME = 1 << 16  # bytes of the sensor's name
LONGEST = 24 * 3600.0  # seconds; timestamps farther than this from the median are ignored
MAX_STAMPS = 1 << 20  # frames whose timestamps are read: over nine hours at 30 frames per second
MAX_BAD_IN_A_ROW = 1000  # undecodable frames in a row after which reading stops
_MATRICES, _REST, _FRAME = 4 * 64, struct.Struct("<ii4IfQ"), struct.Struct("<64x4Q")


class _Truncated(Exception):
    """The file is shorter than it declares, or what follows cannot be read."""


@dataclass(frozen=True)
class SensHeader:
    """Header of a recording.

    Attributes:
        compression: colour compression: 0 none, 1 PNG, 2 JPEG.
        width, height: size of a colour frame in pixels.
        frames: declared number of frames.
    """

    compression: int
    width: int
    height: int
    frames: int


def sens_views(path: Path, settings: ImageSettings) -> Iterator[View | Remark | UnreadableError]:
    """Yield the colour frames in order, with an error in place of each that cannot be decoded.

    A view's name is its frame number, its time comes from :func:`times_of`. A truncated file gives the views up to its
    end and a remark; another remark counts unusable timestamps.

    Raises:
        UnreadableError: it cannot be opened, is not a ``.sens`` file of version 4, or gives fewer than two views.
    """
    hide_faces = face_blur(settings.blur_faces)
    readable = 0
    with open_regular(path, "a recording") as stream, foreign("a recording that cannot be read", path):
        try:
            for frame in frames_of(stream, path):
                if isinstance(frame, View):
                    readable += 1
                    image, faces = hide_faces(frame.image)
                    yield replace(frame, image=to_view_size(image, settings.resize), faces=faces)
                else:
                    yield frame
        except _Truncated as error:
            if readable < 2:
                raise fault(path, f"a recording that breaks off after {readable} views ({error})") from error
            log.warning("%s breaks off after %d views (%s); using these", path, readable, error)
            yield Remark(f"breaks off after {readable:,} views ({error})")
    if readable < 2:
        raise fault(path, f"a recording with {readable} readable frames; a pair needs two")


def frames_of(stream: BinaryIO, path: Path) -> Iterator[View | Remark | UnreadableError]:
    """Yield the colour frames at full size, with an error in place of each that cannot be decoded."""
    size = os.fstat(stream.fileno()).st_size
    header = read_header(stream, size, path)
    stamps = stamps_of(stream, size, min(header.frames, MAX_STAMPS))
    times = times_of(stamps)
    unusable = sum(math.isnan(time) for time in times)
    if unusable and any(stamps):
        yield Remark(f"{unusable:,} of {len(stamps):,} frames have no usable timestamp")
    bad = 0
    for number in range(header.frames):
        name = f"{number:06d}"
        data = read_frame(stream, size)
        try:
            image = decode_frame(data, header, path / name)
        except UnreadableError as error:
            bad += 1
            yield error
            if bad == MAX_BAD_IN_A_ROW:
                raise _Truncated(f"{bad:,} frames in a row cannot be decoded") from error
            continue
        bad = 0
        yield View(image, time=times[number] if number < len(times) else float("nan"), name=name)


def stamps_of(stream: BinaryIO, size: int, frames: int) -> list[int]:
    """Return the timestamps of the complete colour frames, in microseconds, and restore the stream's position.

    Only frame headers are read.
    """
    start = stream.tell()
    stamps: list[int] = []
    try:
        for _ in range(frames):
            stamp, _, colour_bytes, depth_bytes = _FRAME.unpack(take(stream, _FRAME.size, size))
            skip_bytes(stream, colour_bytes + depth_bytes, size)
            stamps.append(stamp)
    except _Truncated:
        pass
    stream.seek(start)
    return stamps


def times_of(stamps: Sequence[int]) -> list[float]:
    """Convert timestamps in microseconds to seconds since the first usable one; NaN for unusable ones.

    A timestamp is unusable if it is 0, lies more than :data:`LONGEST` from the median, or is outside the longest
    non-decreasing subsequence.
    """
    times = [float("nan")] * len(stamps)
    given = sorted(stamp for stamp in stamps if stamp)
    if not given:
        return times
    middle = given[len(given) // 2]
    near = [index for index, stamp in enumerate(stamps) if stamp and abs(stamp - middle) <= LONGEST * 1e6]
    used = longest_rise(near, [stamps[index] for index in near])
    start = stamps[used[0]]
    for index in used:
        times[index] = (stamps[index] - start) / 1e6
    return times


def longest_rise(names: Sequence[int], values: Sequence[int]) -> list[int]:
    """Return the names of a longest non-decreasing subsequence of the values, in order."""
    ends: list[int] = []  # for each length, the lowest last value of a subsequence of that length
    places: list[int] = []  # index of that value
    before = [-1] * len(values)
    for place, value in enumerate(values):
        length = bisect_right(ends, value)
        before[place] = places[length - 1] if length else -1
        ends[length : length + 1] = [value]
        places[length : length + 1] = [place]
    rise: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        rise.append(names[place])
        place = before[place]
    return rise[::-1]


def read_header(stream: BinaryIO, size: int, path: Path) -> SensHeader:
    """Read the header; leave the stream at the first frame."""
    try:
        (version,) = struct.unpack("<I", take(stream, 4, size))
        if version != VERSION:
            raise fault(path, f"not a .sens recording of version {VERSION}: its first number is {version}")
        (length,) = struct.unpack("<Q", take(stream, 8, size))
        take(stream, length, size, LONGEST_NAME)
        take(stream, _MATRICES, size)
        compression, _, width, height, _, _, _, frames = _REST.unpack(take(stream, _REST.size, size))
    except _Truncated as error:
        raise fault(path, f"a recording whose header cannot be read ({error})") from error
    if compression not in (RAW, PNG, JPEG):
        raise fault(path, f"a recording with unknown compression {compression} of its colour frames")
    return SensHeader(compression, width, height, frames)


def read_frame(stream: BinaryIO, size: int) -> bytes:
    """Return the bytes of the next colour frame and skip its depth."""
    _, _, colour_bytes, depth_bytes = _FRAME.unpack(take(stream, _FRAME.size, size))
    data = take(stream, colour_bytes, size, LARGEST_FRAME)
    skip_bytes(stream, depth_bytes, size)
    return data


def skip_bytes(stream: BinaryIO, count: int, size: int) -> None:
    """Skip ``count`` bytes after checking that the file has that many left."""
    left = size - stream.tell()
    if count > left:
        raise _Truncated(f"{count} bytes declared, {left} left")
    stream.seek(count, os.SEEK_CUR)


def take(stream: BinaryIO, count: int, size: int, most: int = LARGEST_FRAME) -> bytes:
    """Read exactly ``count`` bytes after checking that the file has that many left and that ``most`` allows them."""
    left = size - stream.tell()
    if count > min(left, most):
        bound = f"{left} left" if count > left else f"at most {most} allowed"
        raise _Truncated(f"{count} bytes declared, {bound}")
    data = stream.read(count)
    if len(data) < count:
        raise _Truncated("the file became shorter while it was read")
    return data


def decode_frame(data: bytes, header: SensHeader, where: Path) -> Image:
    """Decode a colour frame to an RGB image (H, W, 3) uint8.

    Args:
        where: names the frame in errors.

    Raises:
        UnreadableError: it cannot be decoded.
    """
    if header.compression != RAW:
        return decode_picture(data, where)
    check_pixels((header.width, header.height), where)
    if len(data) != header.width * header.height * 3 or not data:
        what = f"{len(data)} bytes are not {header.width}x{header.height} pixels"
        raise UnreadableError(f"a frame that cannot be decoded ({what})", where=where)
    return np.frombuffer(data, np.uint8).reshape(header.height, header.width, 3)


def fault(path: Path, what: str, remedy: str = "fetch it again, or remove it") -> UnreadableError:
    """Return the error for a recording."""
    return UnreadableError(what, where=path, remedy=remedy)
