"""Write tar shards member by member, and read members by offset without unpacking."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

from mimic_core.kit.files import cannot_write

BLOCK = tarfile.BLOCKSIZE
SHORT, SMALL = 100, 8**11  # limits of a plain header: bytes of a name, and of a member (exclusive)
NAME, SIZE, CHECKSUM = slice(0, SHORT), slice(124, 136), slice(148, 156)  # header fields
EMPTY = tarfile.TarInfo().tobuf(tarfile.PAX_FORMAT)


class TarWriter:
    """Writes a tar whose bytes depend only on its members (no times, no owners).

    Args:
        path: the file to write; the caller makes the write atomic.
        keep: bytes of an existing tar to keep, up to the end of a member; new members are added after them.
        stream: a seekable stream to write instead of the file; ``path`` is then used only in errors.

    A failed write raises a :class:`MimicError`, since callers take an ``OSError`` for a fault of the input they read.
    """

    def __init__(self, path: str | Path, *, keep: int = 0, stream: IO[bytes] | None = None) -> None:
        self.path = Path(path)
        self.stream = stream or open(path, "r+b" if keep else "w+b")  # noqa: SIM115 - closed by close()
        self.tar = tarfile.open(fileobj=self.stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self.rewind(keep)

    def add(self, name: str, data: bytes) -> int:
        """Append a member and return the offset of its first byte in the file."""
        try:
            self.stream.write(header(name, len(data)))
            offset = self.stream.tell()
            self.stream.write(data)
            self.stream.write(bytes(-len(data) % BLOCK))
            self.tar.offset = self.stream.tell()
        except OSError as error:
            raise cannot_write(self.path.parent, error) from error
        return offset

    def position(self) -> int:
        """Return the offset of the next member, for :meth:`rewind`."""
        return self.stream.tell()

    def rewind(self, position: int) -> None:
        """Remove every member added since :meth:`position` returned ``position``."""
        self.stream.seek(position)
        self.stream.truncate()
        self.tar.offset = position

    def read(self, offset: int, size: int) -> bytes:
        """Read back the bytes of a member; a ``stream`` must then be readable too."""
        data = read_at(self.stream, offset, size)
        self.stream.seek(self.tar.offset)
        return data

    def flush(self) -> None:
        """Flush, so that other readers of the file see every member added so far."""
        try:
            self.stream.flush()
        except OSError as error:
            raise cannot_write(self.path.parent, error) from error

    def close(self) -> None:
        """Write the end of the archive."""
        self.tar.close()
        self.stream.close()

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.stream.close()


def header(name: str, size: int) -> bytes:
    """Return the header of a member as ``tarfile`` writes it; plain ones are built by hand, in a fifth of the time."""
    if not name.isascii() or len(name) > SHORT or name.endswith("/") or size >= SMALL:
        member = tarfile.TarInfo(name)
        member.size = size
        return member.tobuf(tarfile.PAX_FORMAT)
    block = bytearray(EMPTY)
    block[NAME] = name.encode().ljust(SHORT, b"\0")
    block[SIZE] = b"%011o\0" % size
    block[CHECKSUM] = b" " * 8  # the sum counts its own field as spaces
    block[CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def read_at(stream: IO[bytes], offset: int, size: int) -> bytes:
    """Read ``size`` bytes at ``offset``.

    Raises:
        ValueError: the file ends before ``offset + size``.
    """
    stream.seek(offset)
    data = stream.read(size)
    if len(data) != size:
        raise ValueError(f"the file ends before byte {offset + size}")
    return data
