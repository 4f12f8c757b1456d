"""Reading what others wrote: regular files only, nothing larger than its bound, one kind of error for every fault.

Whatever reads bytes from outside (images, videos, scenes, checkpoints, tables) goes through here. A reader's exception,
of whatever type, becomes an :class:`UnreadableError` of that file (:func:`foreign`); faults of the machine, such as a
full disk, stay what they are. Runs on Python 3.9, beside habitat-sim.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mimic_core.foreign.headers import WIDE, Header, read_header
from mimic_core.kit.errors import MimicError, UnreadableError, printable

log = logging.getLogger("mimic")

# Bounds, one a kind; what is larger is refused by name before memory is taken for it
PIXELS = 210_000_000  # of one picture: the largest cameras have 200 million
DECODED = 5 << 28  # bytes that decoding one picture may take at its peak
PASSED = 1 << 32  # pixels that may be gone over, all scans of a progressive JPEG together: 10 s
PICTURE_TEXTS = 64  # compressed texts of a PNG, each of which may unfold to 8 MB
SIDE = 1 << 20  # pixels of a picture's longer side, as OpenCV has it
FRAME_PIXELS = 1 << 26  # of a frame of a video, of which a decoder holds several: 8192x8192
SAMPLES = 1 << 23  # entries of a video's index: three days at 30 frames a second
HEADER_BYTES = 1 << 24  # of a header that is compressed
FILE_BYTES = 1 << 30  # of a file that is read at once rather than streamed
JSON_BYTES = 1 << 28  # of a JSON document
TEXT_BYTES = 1 << 24  # of a table or list that is read at once
SCENE_BYTES = 1 << 31  # of a 3D scene
SCENE_PIXELS = 1 << 30  # of all textures of a scene
TRIANGLES = 20_000_000  # of a scene, each as often as it is drawn
NODES = 200_000  # of a scene, each as often as it is reached
LONGEST_REASON = 240  # letters of a reader's own words in a message

# Faults of a disk, a network or a server of files, which another attempt may not meet
PASSING = frozenset(
    [
        *(errno.ESTALE, errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.ENOLINK),
        *(errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.EHOSTDOWN, errno.EHOSTUNREACH),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET),
    ]
)
# Faults of the machine, not of the file that was read: these end a job, they are never counted as "unreadable"
MACHINE = PASSING | {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE}
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a pipe would wait otherwise


def check_regular(path: str | Path, what: str = "a file") -> os.stat_result:
    """See that a path leads to a regular file, which a library may then open by its name without waiting for ever.

    Args:
        path: the file; links are followed.
        what: what it should be, for the message: ``a video``.

    Raises:
        UnreadableError: it is not there, may not be looked at, or is a folder, pipe, device or socket.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        raise cannot_open(path, what, error) from None
    require_regular(status, path, what)
    return status


def open_regular(path: str | Path, what: str = "a file") -> BinaryIO:
    """Open a regular file for reading bytes; what it is is decided by the open file, not by its name.

    Raises:
        UnreadableError: it cannot be opened, or is a folder, pipe, device or socket.
    """
    try:
        number = os.open(path, READ)
    except (OSError, ValueError) as error:
        raise cannot_open(path, what, error) from None
    try:
        require_regular(os.fstat(number), path, what)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_regular(path: str | Path, what: str = "a file", most: int = FILE_BYTES) -> bytes:
    """All bytes of a regular file of at most ``most`` bytes.

    Raises:
        UnreadableError: it cannot be read, is no regular file, or is larger.
    """
    with open_regular(path, what) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise UnreadableError(f"{what} of {size:,} bytes; at most {most:,} are read", where=path, remedy=REMOVE)
        try:
            return stream.read(size)  # no more is asked for: the buffer is made first
        except OSError as error:
            raise cannot_open(path, what, error) from error


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a regular file; none of another, which is not opened, and of one that cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        number = os.open(path, READ)
        try:
            return os.read(number, count)
        finally:
            os.close(number)
    except (OSError, ValueError):
        return b""  # its reader says why


def require_regular(status: os.stat_result, path: str | Path, what: str) -> None:
    """Raise where a status is not that of a regular file."""
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in KINDS if test(status.st_mode)), "no regular file")
        raise UnreadableError(f"{what} was expected, and this is {kind}", where=path, remedy=REMOVE)


def cannot_open(path: str | Path, what: str, error: Exception) -> MimicError:
    """The error of a file that cannot be opened; of a machine that cannot open any, the machine's own."""
    if machine_fault(error):
        raise error
    told = (error.strerror if isinstance(error, OSError) else "") or reason(error)
    return UnreadableError(
        f"{what} that cannot be opened ({told})", where=path, remedy="check its path and permissions"
    )


REMOVE = "remove it, or fetch it again"


@contextmanager
def foreign(what: str, where: object, remedy: str = REMOVE) -> Iterator[None]:
    """Turn whatever a reader of foreign bytes raises into one :class:`UnreadableError`.

    Readers meet bytes that nobody foresaw: ``cv2.error``, ``MemoryError``, ``RecursionError``, ``TypeError`` and
    ``AttributeError`` all say that this file is not what it should be. Errors of ours pass as they are, and so do
    faults of the machine (:data:`MACHINE`).

    Args:
        what: what cannot be read, such as ``a video that cannot be decoded``.
        where: the file, and the place in it.
        remedy: what to do about it.
    """
    try:
        yield
    except MimicError:
        raise
    except Exception as error:
        if machine_fault(error):
            raise
        log.debug("reading %s", printable(str(where)), exc_info=True)
        raise UnreadableError(f"{what} ({reason(error)})", where=where, remedy=remedy) from error


def machine_fault(error: BaseException) -> bool:
    """Whether an error is a fault of the machine, not of the file that is read."""
    return isinstance(error, OSError) and error.errno in MACHINE and not is_ffmpegs(error)


def is_ffmpegs(error: BaseException) -> bool:
    """Whether an error is FFmpeg's, which gives the numbers of a machine's faults to what is wrong with a file."""
    return type(error).__module__.partition(".")[0] == "av"


def reason(error: BaseException) -> str:
    """A reader's error in a few words on one line."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    words = getattr(error, "strerror", None)  # of operating systems' errors and of FFmpeg's
    if isinstance(words, str) and words:
        return printable(words)
    told = " ".join(str(getattr(error, "err", "") or error).split())  # cv2.error keeps its words in ``err``
    told = printable(told if len(told) <= LONGEST_REASON else told[:LONGEST_REASON] + "...")
    plain = isinstance(error, (ValueError, OSError)) and not isinstance(error, UnicodeError)
    return told if plain and told else f"{type(error).__name__}: {told}" if told else type(error).__name__


def check_picture(data: bytes | bytearray | memoryview, where: object) -> None:
    """See that a picture's header asks for no more pixels, memory and time than the bounds; an unknown header passes.

    Raises:
        UnreadableError: it asks for more.
    """
    header = picture_header(bytes(data))
    if header is None:
        return
    check_pixels((header.width, header.height), where)
    pixels = header.width * header.height
    for asked, most, what in (
        (pixels * header.weight, DECODED, "bytes in memory"),
        (pixels * header.passes, PASSED, "pixels in all its scans"),
        (header.texts, PICTURE_TEXTS, "compressed texts"),
    ):
        if asked > most:
            told = f"a picture of {header.width}x{header.height} pixels that asks for {asked:,} {what}"
            raise UnreadableError(f"{told}; at most {most:,} are read", where=where, remedy=SAVE_ANEW)


SAVE_ANEW = "save it anew, smaller, or remove it"


def check_pixels(size: tuple[int, int], where: object) -> None:
    """See that a picture of that width and height may be decoded.

    Raises:
        UnreadableError: it has more pixels than :data:`PIXELS`, or a longer side than :data:`SIDE`.
    """
    width, height = size
    if width * height > PIXELS or max(size) > SIDE:
        what = f"a picture of {width}x{height} pixels; at most {PIXELS:,} are read"
        raise UnreadableError(what, where=where, remedy=SAVE_ANEW)


def picture_size(data: bytes | bytearray | memoryview) -> tuple[int, int] | None:
    """Width and height by a picture's header, without decoding it; None where the format is not known."""
    header = picture_header(bytes(data))
    return None if header is None else (header.width, header.height)


def picture_header(data: bytes) -> Header | None:
    """A picture's header: by :mod:`mimic_core.foreign.headers` or, where the format is not known there, by Pillow."""
    header = read_header(data)
    if header is not None or data[:2] in (b"\xff\xd8", b"\x89P"):  # damaged ones are the decoder's to refuse
        return header
    import warnings

    from PIL import Image  # only where a picture of a rare kind is read

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own warning of large pictures: the bounds here decide
            with Image.open(io.BytesIO(data)) as picture:
                return Header(int(picture.size[0]), int(picture.size[1]), WIDE)
    except Image.DecompressionBombError:
        return Header(SIDE + 1, SIDE + 1)
    except Exception:  # a damaged header is the decoder's to refuse
        return None


def parse_json(data: bytes, what: str, where: object, most: int = JSON_BYTES) -> Any:
    """The value of a JSON document of at most ``most`` bytes, UTF-8.

    Raises:
        UnreadableError: it is larger, no JSON, or nested too deep.
    """
    if len(data) > most:
        raise UnreadableError(f"{what} of {len(data):,} bytes; at most {most:,} are read", where=where, remedy=REMOVE)
    with foreign(f"{what} that is no JSON", where):
        return json.loads(data.removeprefix(codecs.BOM_UTF8).decode())
