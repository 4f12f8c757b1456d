"""Read the files that ``torch.save`` writes: zip archives with checksums, or before torch 1.6 a series of pickles.

The file is memory-mapped, so that unused parts (an optimizer's state, two thirds of a checkpoint) stay on disk. All
sizes stated in it are checked against the size of the file before memory is allocated.
"""

from __future__ import annotations

import mmap
import os
import sys
import zipfile
import zlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimic_core.foreign import foreign, open_regular
from mimic_core.kit.errors import MimicError, UnreadableError, printable
from mimic_core.models.weights.admitted import ADMITTED, NumberType, number
from mimic_core.models.weights.instructions import next_value
from mimic_core.models.weights.machine import CodeError, DamagedError, Machine
from mimic_core.models.weights.storages import read_storage

__all__ = ["NumberType", "TorchFile", "number", "open_torch", "read_pickle"]

PICKLE_BYTES = 1 << 25  # limit for the pickle in an archive, which does not contain the tensors
DIRECTORY_BYTES = 1 << 23  # limit for an archive's central directory: 100,000 tensors
ALIGNED = 16  # bytes; tensors that are not aligned are copied
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # at the start of legacy files
ZIP, ZIP_END, ZIP64_END, ZIP64_PLACE = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
COPY_AGAIN = "copy it again, and compare its size and checksum with those at its source"


@dataclass
class TorchFile:
    """The content of a torch file.

    Attributes:
        content: the unpickled value, tensors on the CPU.
        size: size of the file in bytes.
        path: the file.
        members: address of the first byte -> bytes, expected checksum and name of an archive's member. Legacy files
            have no checksums.
        pending: checksums being computed, with the expected checksum and the name of the member.
    """

    content: Any
    size: int
    path: Path
    members: dict[int, tuple[memoryview, int, str]] = field(default_factory=dict)
    pending: list[tuple[Future[int], int, str]] = field(default_factory=list)

    def check(self, tensors: Iterable[Tensor] | None = None) -> None:
        """Start to verify the checksums of these tensors, or of all, in background threads."""
        addresses = None if tensors is None else {value.untyped_storage().data_ptr() for value in tensors}
        pool = ThreadPoolExecutor(2)  # crc32 releases the GIL
        for at, (data, expected, name) in self.members.items():
            if addresses is None or at in addresses:
                self.pending.append((pool.submit(zlib.crc32, data), expected, name))
        pool.shutdown(wait=False)

    def finish(self) -> None:
        """Wait for the checksums that :meth:`check` started to verify.

        Raises:
            UnreadableError: a checksum is wrong; names the member.
        """
        pending, self.pending = self.pending, []
        for found, expected, name in pending:
            if found.result() != expected:
                for other, _, _ in pending:
                    other.cancel()
                raise wrong_checksum(name, self.path)


def wrong_checksum(name: str, path: Path) -> UnreadableError:
    """Return the error for a member whose checksum is wrong."""
    what = f"the file is damaged: the checksum of {name} in it is wrong"
    return UnreadableError(what, where=path, remedy=COPY_AGAIN)


def read_pickle(path: Path) -> Any:
    """Read what ``torch.save`` wrote, in the new or the legacy format, on the CPU; verify all checksums.

    Raises:
        MimicError: the file is empty, cut off, damaged or not a checkpoint, or names a class or function that is not
            admitted.
    """
    opened = open_torch(path)
    opened.check()
    opened.finish()
    return opened.content


def open_torch(path: Path) -> TorchFile:
    """Open a file written by ``torch.save``, without verifying the checksums of its tensors.

    Raises:
        MimicError: as :func:`read_pickle`.
    """
    try:
        what = "this is not a checkpoint that torch wrote, or it is cut off"
        with foreign(what, path, COPY_AGAIN), open_regular(path, "a checkpoint") as stream:
            if not os.fstat(stream.fileno()).st_size:
                raise MimicError("the file is empty", where=path, remedy="copy it again")
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            legacy = mapped[:4] != ZIP
            return read_legacy(mapped, path) if legacy else read_archive(Archive(stream, mapped, path))
    except UnreadableError as error:
        if isinstance(error.__cause__, CodeError):
            raise code_refused(error.__cause__.name, path) from error
        raise


def code_refused(name: str, path: Path) -> MimicError:
    """Return the error for a file that names a class or function that is not admitted."""
    return MimicError(
        f"the checkpoint holds {printable(name)}, which could run code; nothing was run, and the file is refused",
        where=path,
        remedy="save only the parameters, with the software that wrote it: torch.save({'model': model.state_dict()}, "
        "path)",
    )


class Archive:
    """The members of a zip archive: uncompressed, with unique names, in total no larger than the file.

    Args:
        stream: the file.
        mapped: its bytes.
        path: the file, for messages.

    Raises:
        DamagedError: it is not an archive as torch writes it.
    """

    def __init__(self, stream: Any, mapped: mmap.mmap, path: Path) -> None:
        self.mapped, self.view, self.path = mapped, memoryview(mapped), path
        if directory_size(mapped) > DIRECTORY_BYTES:
            raise DamagedError(f"its central directory is larger than {DIRECTORY_BYTES:,} bytes")
        self.members: dict[str, zipfile.ZipInfo] = {}
        self.root = ""
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if member.filename in self.members:
                    raise DamagedError("it holds a member twice")
                if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
                    raise DamagedError("its members are compressed, which torch never does")
                self.members[member.filename] = member
        if sum(member.file_size for member in self.members.values()) > len(mapped):
            raise DamagedError("its members are larger than the file")
        roots = [name[: -len("/data.pkl")] for name in self.members if name.endswith("/data.pkl")]
        if len(roots) != 1 or "/" in roots[0]:
            raise DamagedError("it is a zip archive without a checkpoint's data.pkl")
        self.root = roots[0]

    def find(self, name: str) -> tuple[int, memoryview, int]:
        """Return where a member begins, its bytes, and its expected checksum."""
        member = self.members.get(f"{self.root}/{name}")
        if member is None:
            raise DamagedError(f"{name} in it is missing")
        start, size = member.header_offset, member.file_size
        header = bytes(self.view[start : start + 30])
        if len(header) < 30 or header[:4] != ZIP or member.flag_bits & 1:
            raise DamagedError(f"{name} in it cannot be found")
        start += 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        if start + size > len(self.mapped):
            raise DamagedError("it ends too early")
        return start, self.view[start : start + size], member.CRC

    def read(self, name: str, most: int) -> bytes:
        """Read all of a small member and verify its checksum."""
        _, data, expected = self.find(name)
        if len(data) > most:
            raise DamagedError(f"{name} in it has {len(data):,} bytes; the limit is {most:,}")
        if zlib.crc32(data) != expected:
            raise wrong_checksum(name, self.path)
        return bytes(data)


def directory_size(mapped: mmap.mmap) -> int:
    """Return the size in bytes of an archive's central directory, as its end record states it."""
    end = mapped.rfind(ZIP_END, max(0, len(mapped) - (1 << 16) - 22))
    if end < 0:
        raise DamagedError("it ends too early")
    if mapped[end - 20 : end - 16] == ZIP64_PLACE:
        place = int.from_bytes(mapped[end - 12 : end - 4], "little")
        if mapped[place : place + 4] == ZIP64_END:
            return int.from_bytes(mapped[place + 40 : place + 48], "little")
    return int.from_bytes(mapped[end + 12 : end + 16], "little")


def read_archive(archive: Archive) -> TorchFile:
    """Read the content of a zip archive."""
    if any(name.startswith(f"{archive.root}/code/") for name in archive.members):
        raise CodeError("a TorchScript program")
    states_order = f"{archive.root}/byteorder" in archive.members
    swapped = states_order and archive.read("byteorder", 16).decode() != sys.byteorder
    whole = torch.frombuffer(archive.mapped, dtype=torch.uint8).untyped_storage()
    found: dict[str, torch.UntypedStorage] = {}
    opened = TorchFile(None, len(archive.mapped), archive.path)

    def data_of(key: str, count: int, dtype: torch.dtype) -> torch.UntypedStorage:
        name, size = f"data/{key}", count * dtype.itemsize
        if key not in found:
            start, data, expected = archive.find(name)
            storage = whole[start : start + len(data)]
            if swapped or start % ALIGNED:
                storage = storage.clone()
            if swapped:
                storage.byteswap(dtype)
            found[key] = storage
            opened.members[storage.data_ptr()] = (data, expected, name)
        if found[key].nbytes() != size:
            raise DamagedError(f"{name} in it has {found[key].nbytes():,} bytes, but {size:,} were expected")
        return found[key]

    content = archive.read("data.pkl", PICKLE_BYTES)
    opened.content = next_value(Machine(content, ADMITTED, lambda reference: read_storage(reference, data_of)))
    return opened


class LegacyStorages:
    """The storages of a legacy file: named in its pickles, with their bytes after the pickles.

    Args:
        mapped: the file's bytes.
    """

    def __init__(self, mapped: mmap.mmap) -> None:
        self.mapped, self.total = mapped, 0
        self.storages: dict[str, torch.UntypedStorage] = {}

    def data_of(self, key: str, count: int, dtype: torch.dtype) -> torch.UntypedStorage:
        """Return the storage of a key, to be filled later; refuse more bytes in total than the file has."""
        size = count * dtype.itemsize
        if key not in self.storages:
            self.total += size
            if self.total > len(self.mapped):
                raise DamagedError("it ends too early")
            self.storages[key] = torch.UntypedStorage(size)
        if self.storages[key].nbytes() != size:
            raise DamagedError("its tensors do not fit their data")
        return self.storages[key]

    def fill(self, keys: Any, at: int) -> None:
        """Copy the bytes of the storages from the file, starting at ``at``, in the order of ``keys``."""
        invalid = not isinstance(keys, list) or not all(isinstance(key, str) for key in keys)
        if invalid or sorted(keys) != sorted(self.storages):
            raise DamagedError("its tensors do not fit their data")
        whole = torch.frombuffer(self.mapped, dtype=torch.uint8)
        for key in keys:
            size = self.storages[key].nbytes()
            count = int.from_bytes(self.mapped[at : at + 8], "little")  # of numbers
            start, at = at + 8, at + 8 + size
            if at > len(self.mapped):
                raise DamagedError("it ends too early")
            if size != count * (size // max(count, 1)):
                raise DamagedError("its tensors do not fit their data")
            if size:
                torch.empty(0, dtype=torch.uint8).set_(self.storages[key]).copy_(whole[start:at])


def read_legacy(mapped: mmap.mmap, path: Path) -> TorchFile:
    """Read the content of a file from torch before 1.6: a series of pickles, then the tensors' bytes."""
    machine, storages = Machine(memoryview(mapped), ADMITTED), LegacyStorages(mapped)
    if next_value(machine) != MAGIC or next_value(machine) != PROTOCOL:
        raise DamagedError("it does not begin like a checkpoint")
    system = next_value(machine)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise DamagedError("its numbers are big-endian")
    machine.persistent = lambda reference: read_storage(reference, storages.data_of)
    content = next_value(machine)
    storages.fill(next_value(machine), machine.at)
    return TorchFile(content, len(mapped), path)
