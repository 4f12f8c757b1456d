"""How long a video lasts by its header, and whether its end is there."""

from __future__ import annotations

import struct
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

LONGEST = 1e9  # seconds; a header that says more says nothing
LOOKED_AT = 1 << 16  # bytes at the beginning or the end of a file
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # identifies the object of a file's properties
GIF_END, OGG_PAGE, OGG_END = b";", b"OggS", 4
NEAR, NEAR_SHARE = 0.5, 0.03  # seconds and share of its length by which a track may end early
ROUGH, ROUGH_SHARE = 2.0, 0.1  # the same where only the length of the whole file is known, sound included


def said_seconds(container: InputContainer, stream: VideoStream, file: BinaryIO) -> tuple[float, bool]:
    """Seconds that the header says a video track lasts, and whether it says so of the track rather than of the file.

    0 where it says nothing: FFmpeg then guesses from what is there.
    """
    kind = container.format.name
    base = stream.time_base or 0
    whole = (container.duration or 0) / av.time_base
    if kind.startswith("mov"):
        said, exact = float((stream.duration or 0) * base) or whole, bool(stream.duration)
    elif kind == "avi":
        said, exact = float(stream.frames / (stream.average_rate or stream.guessed_rate or 1e9)), True
    elif kind.startswith("matroska"):
        tag = clock_seconds(stream.metadata.get("DURATION", ""))
        said, exact = tag or whole, bool(tag)
    elif kind.endswith("flv"):
        said, exact = whole, False
    elif kind.startswith("asf"):
        said, exact = asf_seconds(file), False
    else:
        said, exact = 0.0, False
    return (said, exact) if 0 < said < LONGEST else (0.0, exact)


def clock_seconds(text: str) -> float:
    """Seconds of ``00:00:12.500``; 0 of anything else."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


def asf_seconds(file: BinaryIO) -> float:
    """Seconds by the header of an ASF file, whose length FFmpeg does not believe once the file is cut off."""
    file.seek(0)
    head = file.read(LOOKED_AT)
    start = head.find(ASF_PROPERTIES)
    if start < 0 or len(head) < start + 92:
        return 0.0
    ticks, _, preroll, flags = struct.unpack_from("<QQQI", head, start + 64)
    return 0.0 if flags & 1 else max(0.0, ticks / 1e7 - preroll / 1e3)


def is_short(reached: float, said: float, exact: bool, longest_gap: float) -> bool:
    """Whether a video ends before its header says, by more than its last frame may be shown."""
    least, share = (NEAR, NEAR_SHARE) if exact else (ROUGH, ROUGH_SHARE)
    return said - reached > max(least, share * said, 2 * longest_gap)


def end_is_missing(kind: str, file: BinaryIO) -> bool:
    """Whether a file of a kind that marks its end (GIF, Ogg) lacks the mark."""
    if kind not in ("gif", "ogg"):
        return False
    size = file.seek(0, 2)
    file.seek(max(0, size - LOOKED_AT))
    tail = file.read(LOOKED_AT)
    if kind == "gif":
        return GIF_END not in tail[-1024:].rstrip(b"\0")[-1:]
    page = tail.rfind(OGG_PAGE)
    return page < 0 or len(tail) < page + 6 or not tail[page + 5] & OGG_END


def length_remark(reached: float, said: float) -> str:
    """What to say of a video that ends early."""
    digits = 0 if said >= 10 and round(reached) < round(said) else 1
    return f"about {reached:.{digits}f} of {said:.{digits}f} s: it ends before its header says"
