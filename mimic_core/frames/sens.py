"""Frames of a ScanNet recording, ``.sens``, one after the other.

Little endian: the version (uint32); a name (uint64 length, bytes); four 4x4 float32 matrices; the compressions of
colour and depth (int32); the sizes of both (4 uint32); the depth's unit (float32); the number of frames (uint64). Each
frame is a 4x4 float32 pose, the time stamps of colour and depth, the bytes of both (4 uint64), then colour and depth
themselves. Depth is passed over. No size is believed before it is compared with what the file still holds.

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
RAW, PNG, JPEG = 0, 1, 2  # how colour is compressed
LARGEST_FRAME = 1 << 28  # bytes of one colour frame; ScanNet's have about 100 thousand
LONGEST_NAME = 1 << 16  # bytes of the sensor's name
LONGEST = 24 * 3600.0  # seconds that lie between the stamps of one recording at most
MOST_FRAMES = 1 << 20  # whose stamps are looked at: nine hours
MOST_BAD = 1000  # frames in a row that cannot be decoded: what follows is no recording
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


def sens_views(path: Path, settings: ImageSettings) -> Iterator[View | Remark | UnreadableError]:
    """Yield the colour frames in order; one that cannot be decoded is an error in its place.

    A view's name is its frame's number, its time as :func:`times_of` has it. A file that breaks off gives the views up
    to there, and a remark says so; another counts the stamps that cannot be used.

    Raises:
        UnreadableError: it cannot be opened, is no ``.sens`` of version 4, or gives fewer than two views.
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
            log.warning("%s breaks off after %d views (%s); these are used", path, readable, error)
            yield Remark(f"breaks off after {readable:,} views ({error})")
    if readable < 2:
        raise fault(path, f"a recording with {readable} readable frames of the two that a pair needs")


def frames_of(stream: BinaryIO, path: Path) -> Iterator[View | Remark | UnreadableError]:
    """The colour frames as they are stored, at full size; an error in the place of each that cannot be decoded."""
    size = os.fstat(stream.fileno()).st_size
    header = read_header(stream, size, path)
    stamps = stamps_of(stream, size, min(header.frames, MOST_FRAMES))
    times = times_of(stamps)
    unusable = sum(math.isnan(time) for time in times)
    if unusable and any(stamps):
        yield Remark(f"{unusable:,} of {len(stamps):,} frames have no time stamp that can be used")
    bad = 0
    for number in range(header.frames):
        name = f"{number:06d}"
        data = read_frame(stream, size)
        try:
            image = decode_frame(data, header, path / name)
        except UnreadableError as error:
            bad += 1
            yield error
            if bad == MOST_BAD:
                raise _Truncated(f"{bad:,} frames in a row cannot be decoded") from error
            continue
        bad = 0
        yield View(image, time=times[number] if number < len(times) else float("nan"), name=name)


def stamps_of(stream: BinaryIO, size: int, frames: int) -> list[int]:
    """The time stamps of the colour frames that are whole, microseconds; the stream is left where it was.

    Only the heads of frames are read.
    """
    start = stream.tell()
    stamps: list[int] = []
    try:
        for _ in range(frames):
            stamp, _, colour_bytes, depth_bytes = _FRAME.unpack(take(stream, _FRAME.size, size))
            pass_over(stream, colour_bytes + depth_bytes, size)
            stamps.append(stamp)
    except _Truncated:
        pass
    stream.seek(start)
    return stamps


def times_of(stamps: Sequence[int]) -> list[float]:
    """Seconds of each frame after the first that has a usable stamp; NaN where a stamp is not usable.

    A stamp of 0 is none. Stray ones are found by what the others say: those further than :data:`LONGEST` from the
    middle one, and those that have to be left out for the rest never to go back.
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
    """The names of the most values that never fall, in order."""
    ends: list[int] = []  # of a rise of each length, the lowest last value
    places: list[int] = []  # where that stands
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


def read_frame(stream: BinaryIO, size: int) -> bytes:
    """The bytes of the next colour frame; the stream is left behind its depth."""
    _, _, colour_bytes, depth_bytes = _FRAME.unpack(take(stream, _FRAME.size, size))
    data = take(stream, colour_bytes, size, LARGEST_FRAME)
    pass_over(stream, depth_bytes, size)
    return data


def pass_over(stream: BinaryIO, count: int, size: int) -> None:
    """Go on by ``count`` bytes, once it is sure that the file still holds them."""
    left = size - stream.tell()
    if count > left:
        raise _Truncated(f"{count} bytes are announced, {left} are left")
    stream.seek(count, os.SEEK_CUR)


def take(stream: BinaryIO, count: int, size: int, most: int = LARGEST_FRAME) -> bytes:
    """Read exactly ``count`` bytes, once it is sure that the file still holds them."""
    left = size - stream.tell()
    if count > min(left, most):
        raise _Truncated(f"{count} bytes are announced, {left} are left" if count > left else f"{count} bytes at once")
    data = stream.read(count)
    if len(data) < count:
        raise _Truncated("the file has become shorter")
    return data


def decode_frame(data: bytes, header: SensHeader, where: Path) -> Image:
    """RGB image (H, W, 3) uint8 of a colour frame.

    Raises:
        UnreadableError: it cannot be decoded; ``where`` names it.
    """
    if header.compression != RAW:
        return decode_picture(data, where)
    check_pixels((header.width, header.height), where)
    if len(data) != header.width * header.height * 3 or not data:
        what = f"{len(data)} bytes are no {header.width}x{header.height} pixels"
        raise UnreadableError(f"a frame that cannot be decoded ({what})", where=where)
    return np.frombuffer(data, np.uint8).reshape(header.height, header.width, 3)


def fault(path: Path, what: str, remedy: str = "fetch it again, or remove it") -> UnreadableError:
    """The error of a recording."""
    return UnreadableError(what, where=path, remedy=remedy)
