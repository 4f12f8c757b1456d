"""Opening a video: the bytes of this one file, in a container of recordings, within bounds.

FFmpeg gets an open file and no name, may open nothing else, and takes only demuxers that read one recording from one
file. So a name cannot be taken for a protocol or a pattern, and a text that lists other files is refused.
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
from mimic_core.frames.boxes import MOST_TRACKS, check_tables
from mimic_core.kit.errors import UnreadableError

CANNOT, ENCODE = "a video that cannot be decoded", "encode it anew, or remove it"

# Streams without a container, and so without time stamps of their own
RAW = frozenset(["av1", "cavsvideo", "dirac", "dnxhd", "dv", "evc", "h261", "h263", "h264", "hevc", "m4v", "mjpeg"])
RAW |= frozenset(["mjpeg_2000", "mpegvideo", "obu", "vc1", "vvc"])
CONTAINERS = ["apng", "asf", "asf_o", "avi", "dhav", "flv", "gif", "ivf", "jpegxl_anim", "kux", "live_flv", "matroska"]
CONTAINERS += ["mov", "mpeg", "mpegts", "mpjpeg", "mxf", "nut", "ogg", "rm", "vc1test", "wtv", "yuv4mpegpipe"]
CONTAINER_OPTIONS = {
    "format_whitelist": ",".join([*CONTAINERS, *sorted(RAW)]),
    "protocol_whitelist": "none",
    "max_streams": str(MOST_TRACKS),
    "enable_drefs": "0",  # of QuickTime: tracks that lie in other files
    "use_absolute_path": "0",
}
OPTIONS = {"max_pixels": str(FRAME_PIXELS)}  # of the decoders, those that only look into the streams as well
FULL_TRACKS = 4  # video tracks that may each have frames of the largest size
BUFFER = 1 << 17  # bytes read at once
COUNTED = 2000  # packets looked at where a header does not tell a still from a film
LISTED = (b"\x1a\x45\xdf\xa3", b"RIFF", b"0&\xb2u")  # Matroska, AVI, ASF: their headers list the tracks
LEAST_SIDE = 8  # pixels; smaller pictures show nothing
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # bytes that no text has


class Bytes:
    """An open file as FFmpeg sees it: what it holds, and of its name the suffix, which settles doubtful contents."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.read, self.tell = file, file.read, file.tell
        suffix = path.suffix.lower()
        self.name = "video" + (suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else "")

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; one that there cannot be is answered with an error number, as FFmpeg expects it."""
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
    """Open a video file; whatever is raised while it is open is an error of this file. Yields its bytes as well.

    Raises:
        UnreadableError: it is no regular file, no video, a list of other files, or asks for more than is read.
    """
    with open_regular(path, "a video") as buffered, foreign(CANNOT, path, ENCODE):
        file: BinaryIO = getattr(buffered, "raw", buffered)  # FFmpeg has a buffer of its own
        tracks = check_tables(file, file.seek(0, 2), path)
        file.seek(0)
        head = file.read(512)
        try:
            if head.startswith(LISTED):
                with opened(
                    file, path, {"probesize": "32"}
                ) as container:  # the header, without a look into the streams
                    tracks = len(container.streams.video)
            container = opened(file, path, bounds(tracks))
        except av.FFmpegError as error:
            raise UnreadableError(refusal(head, error), where=path, remedy=ENCODE) from error
        with container:
            try:
                yield container, file
            except av.FFmpegError as error:
                raise UnreadableError(f"{CANNOT} ({reason(error)})", where=path, remedy=ENCODE) from error


def opened(file: BinaryIO, path: Path, options: dict[str, str]) -> InputContainer:
    """The container in an open file."""
    file.seek(0)
    container: InputContainer = av.open(
        Bytes(file, path),
        "r",
        options=options,
        container_options=CONTAINER_OPTIONS,
        metadata_errors="replace",
        buffer_size=BUFFER,
    )
    return container


def bounds(tracks: int) -> dict[str, str]:
    """Options of decoders: FFmpeg looks into all tracks at once, so of many each may have smaller frames."""
    return {**OPTIONS, "max_pixels": str(int(OPTIONS["max_pixels"]) // max(1, tracks - FULL_TRACKS + 1))}


def refusal(head: bytes, error: av.FFmpegError) -> str:
    """Why a file cannot be opened, by its first bytes and FFmpeg's error."""
    if head and not CONTROLS.search(head):
        return f"{CANNOT}: it is a text, and files and addresses that it names are not read"
    if isinstance(error, av.ArgumentError):  # of the options, only the demuxers can be at odds with a file
        return f"{CANNOT}: it is no recording in one of the containers that are read"
    return f"{CANNOT} ({reason(error)})"


def fault_of_machine(error: Exception) -> bool:
    """Whether an error is one of the machine; FFmpeg says the same of a short file, and is not believed."""
    return machine_fault(error)


def film_of(container: InputContainer, path: Path) -> tuple[VideoStream, int]:
    """The video track to read, and how many others are left out; cover art and thumbnails are neither.

    Raises:
        UnreadableError: there is none, none that can be decoded, or its pictures are too large.
    """
    tracks = [track for track in container.streams.video if not track.disposition & NO_FILM]
    if not tracks:
        raise UnreadableError("a video file without a video track", where=path, remedy="remove the file")
    known = [track for track in tracks if track.codec_context is not None]
    if not known:
        raise UnreadableError("a video in a coding that no decoder reads", where=path, remedy=ENCODE)
    films = [track for track in known if track.frames != 1]
    if len(films) > 1 and not all(track.frames for track in films):
        counts = packet_counts(path)
        films = [track for track in films if track.frames or counts[track.index] > 1]
    films = films or known
    best = container.streams.best("video")
    film = next((track for track in films if best is not None and track.index == best.index), films[0])
    check_frame(film.codec_context.width, film.codec_context.height, path, least=0)
    return film, len(tracks) - 1


def packet_counts(path: Path) -> Counter[int]:
    """How many of a file's first video packets belong to each track."""
    with open_container(path) as (container, _):
        found = islice(container.demux(*container.streams.video), COUNTED)
        return Counter(packet.stream_index for packet in found if packet.size)


def check_frame(width: int, height: int, where: Path, least: int = LEAST_SIDE) -> None:
    """See that frames of that size are read.

    Raises:
        UnreadableError: they are too large or too small.
    """
    if width * height > FRAME_PIXELS:
        what = f"a video of {width}x{height} pixels; at most {FRAME_PIXELS:,} are read"
        raise UnreadableError(what, where=where, remedy="make it smaller, or remove it")
    if min(width, height) < least:
        raise UnreadableError(f"a video of {width}x{height} pixels, which show nothing", where=where, remedy=REMOVE)
