"""Compare the length that a video's header states with what was decoded."""

from __future__ import annotations

import struct
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

LONGEST = 1e9  # seconds; longer stated lengths are ignored
SCANNED = 1 << 16  # bytes read at the beginning or the end of a file
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # GUID of the file properties object
GIF_END, OGG_PAGE, OGG_END = b";", b"OggS", 4
SLACK, SLACK_SHARE = 0.5, 0.03  # seconds, and share of its length, by which a track may end early
ROUGH_SLACK, ROUGH_SLACK_SHARE = 2.0, 0.1  # the same if only the length of the whole file, audio included, is known


def stated_seconds(container: InputContainer, stream: VideoStream, file: BinaryIO) -> tuple[float, bool]:
    """Return the length in seconds that the header states, and whether it is that of the track and not of the file.

    The length is 0 if the header states none: FFmpeg then estimates it from the content.
    """
    kind = container.format.name
    base = stream.time_base or 0
    whole = (container.duration or 0) / av.time_base
    if kind.startswith("mov"):
        stated, exact = float((stream.duration or 0) * base) or whole, bool(stream.duration)
    elif kind == "avi":
        stated, exact = float(stream.frames / (stream.average_rate or stream.guessed_rate or 1e9)), True
    elif kind.startswith("matroska"):
        tag = clock_seconds(stream.metadata.get("DURATION", ""))
        stated, exact = tag or whole, bool(tag)
    elif kind.endswith("flv"):
        stated, exact = whole, False
    elif kind.startswith("asf"):
        stated, exact = asf_seconds(file), False
    else:
        stated, exact = 0.0, False
    return (stated, exact) if 0 < stated < LONGEST else (0.0, exact)


def clock_seconds(text: str) -> float:
    """Convert ``00:00:12.500`` to seconds; return 0 for any other format."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


def asf_seconds(file: BinaryIO) -> float:
    """Return the length in seconds in an ASF header, which FFmpeg ignores if the file is truncated."""
    file.seek(0)
    head = file.read(SCANNED)
    start = head.find(ASF_PROPERTIES)
    if start < 0 or len(head) < start + 92:
        return 0.0
    ticks, _, preroll, flags = struct.unpack_from("<QQQI", head, start + 64)
    return 0.0 if flags & 1 else max(0.0, ticks / 1e7 - preroll / 1e3)


def is_short(actual: float, stated: float, exact: bool, longest_gap: float) -> bool:
    """Return whether a video ends earlier than its header states, by more than a tolerance."""
    least, share = (SLACK, SLACK_SHARE) if exact else (ROUGH_SLACK, ROUGH_SLACK_SHARE)
    return stated - actual > max(least, share * stated, 2 * longest_gap)


def end_is_missing(kind: str, file: BinaryIO) -> bool:
    """Return whether a file in a format with an end marker (GIF, Ogg) lacks it."""
    if kind not in ("gif", "ogg"):
        return False
    size = file.seek(0, 2)
    file.seek(max(0, size - SCANNED))
    tail = file.read(SCANNED)
    if kind == "gif":
        return GIF_END not in tail[-1024:].rstrip(b"\0")[-1:]
    page = tail.rfind(OGG_PAGE)
    return page < 0 or len(tail) < page + 6 or not tail[page + 5] & OGG_END


def length_remark(actual: float, stated: float) -> str:
    """Return the remark on a video that ends early."""
    digits = 0 if stated >= 10 and round(actual) < round(stated) else 1
    return f"about {actual:.{digits}f} of {stated:.{digits}f} s: ends before its header says"
