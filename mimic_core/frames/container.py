"""Open a video file safely: only this file, only recording formats, within bounds.

FFmpeg gets an open file without its path, may open no other file, and may use only demuxers that read one recording
from one file. So a file name is never taken for a protocol or a pattern, and playlists are rejected.
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from mimic_core.foreign import FRAME_PIXELS, REMOVE, foreign, machine_fault, open_regular, reason
from mimic_core.frames.boxes import MAX_TRACKS, check_tables
from mimic_core.kit.errors import UnreadableError

CANNOT_DECODE, REENCODE = "a video that cannot be decoded", "re-encode or remove it"

# Raw streams: no container, so no timestamps
RAW = frozenset(["av1", "cavsvideo", "dirac", "dnxhd", "dv", "evc", "h261", "h263", "h264", "hevc", "m4v", "mjpeg"])
RAW |= frozenset(["mjpeg_2000", "mpegvideo", "obu", "vc1", "vvc"])
CONTAINERS = ["apng", "asf", "asf_o", "avi", "dhav", "flv", "gif", "ivf", "jpegxl_anim", "kux", "live_flv", "matroska"]
CONTAINERS += ["mov", "mpeg", "mpegts", "mpjpeg", "mxf", "nut", "ogg", "rm", "vc1test", "wtv", "yuv4mpegpipe"]
CONTAINER_OPTIONS = {
    "format_whitelist": ",".join([*CONTAINERS, *sorted(RAW)]),
    "protocol_whitelist": "none",
    "max_streams": str(MAX_TRACKS),
    "enable_drefs": "0",  # no QuickTime tracks stored in other files
    "use_absolute_path": "0",
}
OPTIONS = {"max_pixels": str(FRAME_PIXELS)}  # for all decoders, including those that probe the streams
FULL_SIZE_TRACKS = 4  # up to this many video tracks may have frames of the maximum size
BUFFER = 1 << 17  # bytes per read
COUNTED_PACKETS = 2000  # packets read to tell stills from videos when the header does not
LISTS_TRACKS = (b"\x1a\x45\xdf\xa3", b"RIFF", b"0&\xb2u")  # Matroska, AVI, ASF: the header lists the tracks
MIN_SIDE = 8  # pixels
NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # bytes that text files do not contain


class NamelessFile:
    """An open file as shown to FFmpeg: its bytes, and only the suffix of its name, which helps to guess the format."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.read, self.tell = file, file.read, file.tell
        suffix = path.suffix.lower()
        self.name = "video" + (suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else "")

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek; return a negative error number for an invalid position, as FFmpeg expects."""
        try:
            return self.file.seek(offset, whence)
        except (ValueError, OverflowError):
            return -errno.EINVAL
        except OSError as error:
            if machine_fault(error):
                raise
            return -(error.errno or errno.EINVAL)


@contextmanager
def open_container(path: Path) -> Iterator[tuple[InputContainer, BinaryIO]]:
    """Open a video file; yield its container and the file itself.

    Exceptions raised inside the context become errors of this file.

    Raises:
        UnreadableError: it is not a regular file, not a video, a list of other files, or over a bound.
    """
    with open_regular(path, "a video") as buffered, foreign(CANNOT_DECODE, path, REENCODE):
        file: BinaryIO = getattr(buffered, "raw", buffered)  # FFmpeg does its own buffering
        tracks = check_tables(file, file.seek(0, 2), path)
        file.seek(0)
        head = file.read(512)
        try:
            if head.startswith(LISTS_TRACKS):
                with open_input(file, path, {"probesize": "32"}) as container:  # read the header, do not probe streams
                    tracks = len(container.streams.video)
            container = open_input(file, path, decoder_options(tracks))
        except av.FFmpegError as error:
            raise UnreadableError(open_failure(head, error), where=path, remedy=REENCODE) from error
        with container:
            try:
                yield container, file
            except av.FFmpegError as error:
                raise UnreadableError(f"{CANNOT_DECODE} ({reason(error)})", where=path, remedy=REENCODE) from error


def open_input(file: BinaryIO, path: Path, options: dict[str, str]) -> InputContainer:
    """Open the container in an open file."""
    file.seek(0)
    container: InputContainer = av.open(
        NamelessFile(file, path),
        "r",
        options=options,
        container_options=CONTAINER_OPTIONS,
        metadata_errors="replace",
        buffer_size=BUFFER,
    )
    return container


def decoder_options(tracks: int) -> dict[str, str]:
    """Return decoder options; FFmpeg probes all tracks at once, so the frame bound shrinks with their number."""
    return {**OPTIONS, "max_pixels": str(int(OPTIONS["max_pixels"]) // max(1, tracks - FULL_SIZE_TRACKS + 1))}


def open_failure(head: bytes, error: av.FFmpegError) -> str:
    """Say why a file cannot be opened, from its first bytes and FFmpeg's error."""
    if head and not CONTROL_BYTES.search(head):
        return f"{CANNOT_DECODE}: it is a text file; files and addresses that it lists are not read"
    if isinstance(error, av.ArgumentError):  # the only option a file can violate is the list of demuxers
        return f"{CANNOT_DECODE}: its container format is not supported"
    return f"{CANNOT_DECODE} ({reason(error)})"


def fault_of_machine(error: Exception) -> bool:
    """Return whether an error is the machine's; FFmpeg's errors are not, as it reports short files the same way."""
    return machine_fault(error)


def select_track(container: InputContainer, path: Path) -> tuple[VideoStream, int]:
    """Return the video track to read and the number of other video tracks, not counting cover art and thumbnails.

    Raises:
        UnreadableError: there is no video track, none can be decoded, or its frames are too large.
    """
    tracks = [track for track in container.streams.video if not track.disposition & NOT_VIDEO]
    if not tracks:
        raise UnreadableError("a video file without a video track", where=path, remedy="remove the file")
    known = [track for track in tracks if track.codec_context is not None]
    if not known:
        raise UnreadableError("a video whose codec has no decoder", where=path, remedy=REENCODE)
    videos = [track for track in known if track.frames != 1]
    if len(videos) > 1 and not all(track.frames for track in videos):
        counts = packet_counts(path)
        videos = [track for track in videos if track.frames or counts[track.index] > 1]
    videos = videos or known
    best = container.streams.best("video")
    chosen = next((track for track in videos if best is not None and track.index == best.index), videos[0])
    check_frame(chosen.codec_context.width, chosen.codec_context.height, path, least=0)
    return chosen, len(tracks) - 1


def packet_counts(path: Path) -> Counter[int]:
    """Count the packets of each track among a file's first video packets."""
    with open_container(path) as (container, _):
        found = islice(container.demux(*container.streams.video), COUNTED_PACKETS)
        return Counter(packet.stream_index for packet in found if packet.size)


def check_frame(width: int, height: int, where: Path, least: int = MIN_SIDE) -> None:
    """Check the size of a video's frames.

    Raises:
        UnreadableError: they are too large or too small.
    """
    if width * height > FRAME_PIXELS:
        what = f"a video of {width}x{height} pixels; at most {FRAME_PIXELS:,} are read"
        raise UnreadableError(what, where=where, remedy="make it smaller, or remove it")
    if min(width, height) < least:
        raise UnreadableError(f"a video of only {width}x{height} pixels", where=where, remedy=REMOVE)
