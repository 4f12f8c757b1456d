"""Read untrusted files: regular files only, nothing larger than its bound, one type of error for every fault.

All code that reads bytes from outside (images, videos, scenes, checkpoints, tables) goes through here. A reader's
exception, of whatever type, becomes an :class:`UnreadableError` for that file (:func:`foreign`); machine faults, such
as a full disk, pass unchanged. Runs on Python 3.9, which habitat-sim needs.
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

# Bounds; anything larger is refused, by name, before memory is allocated for it
PIXELS = 210_000_000  # of one picture; the largest cameras have 200 million
DECODED = 5 << 28  # bytes at the peak of decoding one picture
PASSED = 1 << 32  # pixels over all scans of a progressive JPEG: 10 s
PICTURE_TEXTS = 64  # compressed texts of a PNG, each of which may expand to 8 MB
SIDE = 1 << 20  # pixels of a picture's longer side, as in OpenCV
FRAME_PIXELS = 1 << 26  # of a video frame, of which a decoder holds several: 8192x8192
SAMPLES = 1 << 23  # entries of a video's index: three days at 30 frames a second
HEADER_BYTES = 1 << 24  # of a compressed header
FILE_BYTES = 1 << 30  # of a file that is read at once instead of streamed
JSON_BYTES = 1 << 28  # of a JSON document
TEXT_BYTES = 1 << 24  # of a table or list that is read at once
SCENE_BYTES = 1 << 31  # of a 3D scene
SCENE_PIXELS = 1 << 30  # of all textures of a scene
TRIANGLES = 20_000_000  # of a scene, each counted as often as it is drawn
NODES = 200_000  # of a scene, each counted as often as it is visited
LONGEST_REASON = 240  # characters of a reader's own error text in a message

# Faults of a disk, network or file server that may be gone on the next attempt
PASSING = frozenset(
    [
        *(errno.ESTALE, errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.ENOLINK),
        *(errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.EHOSTDOWN, errno.EHOSTUNREACH),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET),
    ]
)
# Machine faults, not faults of the file being read: they end a job and never count as "unreadable"
MACHINE = PASSING | {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE}
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # opening a pipe would block otherwise


def check_regular(path: str | Path, what: str = "a file") -> os.stat_result:
    """Check that a path leads to a regular file, so that a library can open it by name without blocking.

    Args:
        path: the file; links are followed.
        what: what it should be, for the message, such as ``a video``.

    Raises:
        UnreadableError: it is missing or inaccessible, or is a folder, pipe, device or socket.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        raise cannot_open(path, what, error) from None
    require_regular(status, path, what)
    return status


def open_regular(path: str | Path, what: str = "a file") -> BinaryIO:
    """Open a regular file for reading bytes; the check is on the open file, not on its name.

    Raises:
        UnreadableError: it cannot be opened, or is a folder, pipe, device or socket.
    """
    try:
        number = os.open(path, READ_FLAGS)
    except (OSError, ValueError) as error:
        raise cannot_open(path, what, error) from None
    try:
        require_regular(os.fstat(number), path, what)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_regular(path: str | Path, what: str = "a file", most: int = FILE_BYTES) -> bytes:
    """Read a regular file of at most ``most`` bytes.

    Raises:
        UnreadableError: it cannot be read, is not a regular file, or is larger.
    """
    with open_regular(path, what) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise UnreadableError(f"{what} has {size:,} bytes; at most {most:,} are read", where=path, remedy=REMOVE)
        try:
            return stream.read(size)  # not more, since the buffer is allocated first
        except OSError as error:
            raise cannot_open(path, what, error) from error


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of a regular file, or none if it is not regular (and so not opened) or unreadable."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        number = os.open(path, READ_FLAGS)
        try:
            return os.read(number, count)
        finally:
            os.close(number)
    except (OSError, ValueError):
        return b""  # its reader reports why


def require_regular(status: os.stat_result, path: str | Path, what: str) -> None:
    """Raise an error if a status is not that of a regular file."""
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for test, name in KINDS if test(status.st_mode)), "not a regular file")
        raise UnreadableError(f"{what} was expected, but this is {kind}", where=path, remedy=REMOVE)


def cannot_open(path: str | Path, what: str, error: Exception) -> MimicError:
    """Return the error for a file that cannot be opened; raise a machine fault itself."""
    if machine_fault(error):
        raise error
    message = (error.strerror if isinstance(error, OSError) else "") or reason(error)
    return UnreadableError(f"{what} cannot be opened ({message})", where=path, remedy="check its path and permissions")


REMOVE = "remove it, or fetch it again"


@contextmanager
def foreign(what: str, where: object, remedy: str = REMOVE) -> Iterator[None]:
    """Turn any exception of a reader of untrusted bytes into an :class:`UnreadableError`.

    Readers meet bytes that nobody foresaw: ``cv2.error``, ``MemoryError``, ``RecursionError``, ``TypeError`` and
    ``AttributeError`` all mean that this file is not what it should be. A :class:`MimicError` and machine faults
    (:data:`MACHINE`) pass unchanged.

    Args:
        what: what went wrong, such as ``this video cannot be decoded``.
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
    """Whether an error is a fault of the machine, not of the file being read."""
    return isinstance(error, OSError) and error.errno in MACHINE and not is_ffmpeg_error(error)


def is_ffmpeg_error(error: BaseException) -> bool:
    """Whether an error is FFmpeg's, which uses the errno of machine faults for faults of a file."""
    return type(error).__module__.partition(".")[0] == "av"


def reason(error: BaseException) -> str:
    """Describe a reader's error in a few words on one line."""
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    words = getattr(error, "strerror", None)  # from the operating system or FFmpeg
    if isinstance(words, str) and words:
        return printable(words)
    text = " ".join(str(getattr(error, "err", "") or error).split())  # cv2.error keeps its words in ``err``
    text = printable(text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "...")
    plain = isinstance(error, (ValueError, OSError)) and not isinstance(error, UnicodeError)
    return text if plain and text else f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_picture(data: bytes | bytearray | memoryview, where: object) -> None:
    """Check a picture's header against the bounds on pixels, memory and time; an unknown header passes.

    Raises:
        UnreadableError: the picture exceeds a bound.
    """
    header = picture_header(bytes(data))
    if header is None:
        return
    check_pixels((header.width, header.height), where)
    pixels = header.width * header.height
    for needed, most, what in (
        (pixels * header.weight, DECODED, "bytes in memory"),
        (pixels * header.passes, PASSED, "pixels in all its scans"),
        (header.texts, PICTURE_TEXTS, "compressed texts"),
    ):
        if needed > most:
            message = f"a picture of {header.width}x{header.height} pixels needs {needed:,} {what}"
            raise UnreadableError(f"{message}; at most {most:,} are read", where=where, remedy=SAVE_SMALLER)


SAVE_SMALLER = "save a smaller copy, or remove it"


def check_pixels(size: tuple[int, int], where: object) -> None:
    """Check that a picture of this width and height may be decoded.

    Raises:
        UnreadableError: it has more pixels than :data:`PIXELS`, or a longer side than :data:`SIDE`.
    """
    width, height = size
    if width * height > PIXELS or max(size) > SIDE:
        what = f"a picture has {width}x{height} pixels; at most {PIXELS:,} are read"
        raise UnreadableError(what, where=where, remedy=SAVE_SMALLER)


def picture_size(data: bytes | bytearray | memoryview) -> tuple[int, int] | None:
    """Return the width and height from a picture's header, without decoding; None for an unknown format."""
    header = picture_header(bytes(data))
    return None if header is None else (header.width, header.height)


def picture_header(data: bytes) -> Header | None:
    """Read a picture's header with :mod:`mimic_core.foreign.headers` or, for other formats, with Pillow."""
    header = read_header(data)
    if header is not None or data[:2] in (b"\xff\xd8", b"\x89P"):  # the decoder refuses damaged ones
        return header
    import warnings

    from PIL import Image  # only needed for rare formats

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures: the bounds here decide
            with Image.open(io.BytesIO(data)) as picture:
                return Header(int(picture.size[0]), int(picture.size[1]), WIDE)
    except Image.DecompressionBombError:
        return Header(SIDE + 1, SIDE + 1)
    except Exception:  # the decoder refuses a damaged header
        return None


def parse_json(data: bytes, what: str, where: object, most: int = JSON_BYTES) -> Any:
    """Parse a UTF-8 JSON document of at most ``most`` bytes.

    Raises:
        UnreadableError: it is larger, not valid JSON, or nested too deeply.
    """
    if len(data) > most:
        raise UnreadableError(f"{what} has {len(data):,} bytes; at most {most:,} are read", where=where, remedy=REMOVE)
    with foreign(f"{what} is not valid JSON", where):
        return json.loads(data.removeprefix(codecs.BOM_UTF8).decode())
