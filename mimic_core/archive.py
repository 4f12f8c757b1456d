"""Tar shards written member by member and read back by offset, without unpacking."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE


class TarWriter:
    """Writes a tar whose bytes depend on the members alone (no times, no owners).

    Args:
        path: the file to write; the caller makes the write atomic.
    """

    def __init__(self, path: str | Path) -> None:
        self.stream = open(path, "wb")  # noqa: SIM115 - closed by close()
        self.tar = tarfile.open(fileobj=self.stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, name: str, data: bytes) -> int:
        """Append a member; returns the offset of its first byte in the file."""
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self.tar.addfile(member, io.BytesIO(data))
        self.tar.members.clear()  # type: ignore[attr-defined]  # the list is for readers, and grows with the shard
        return self.stream.tell() - (len(data) + BLOCK - 1) // BLOCK * BLOCK

    def position(self) -> int:
        """Offset of the next member, for :meth:`rewind`."""
        return self.stream.tell()

    def rewind(self, position: int) -> None:
        """Take back every member added since ``position`` was asked for."""
        self.stream.seek(position)
        self.stream.truncate()
        self.tar.offset = position

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


def read_at(stream: BinaryIO, offset: int, size: int) -> bytes:
    """Read one member's bytes.

    Raises:
        ValueError: the file ends before ``offset + size``.
    """
    stream.seek(offset)
    data = stream.read(size)
    if len(data) != size:
        raise ValueError(f"the file ends before byte {offset + size}")
    return data
