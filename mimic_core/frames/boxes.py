"""Tables of MP4 and QuickTime files, counted before a demuxer builds its index from them.

A header of a few bytes may promise a billion samples, and be compressed as well; FFmpeg takes its word and about 60
bytes of memory a sample. What is counted here is what its index would hold.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from mimic_core.foreign import HEADER_BYTES, REMOVE, SAMPLES
from mimic_core.kit.errors import UnreadableError

FIRST = frozenset([b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx", b"uuid"])
HOLDERS = frozenset([b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"])
MOST_BOXES = 1 << 20
MOST_TRACKS = 256
MOST_EDITED = 4 * SAMPLES  # samples times edits: each edit may list all samples anew
DEEPEST = 8
PER_SAMPLE = 0xF00  # flags of a run that has bytes for each of its samples
CHUNK = 1024  # samples of uncompressed sound that are one entry of the index


@dataclass
class Track:
    """What the tables of one track promise."""

    kinds: set[bytes] = field(default_factory=set)
    samples: int = 0
    ticks: set[int] = field(default_factory=set)  # how long samples last
    chunks: int = 0
    longest_chunk: int = 0  # samples
    edits: int = 0

    def entries(self) -> int:
        """Entries of the index: of sound whose samples last one tick each, those of its chunks."""
        if self.kinds == {b"soun"} and self.ticks == {1}:
            return self.chunks * -(-self.longest_chunk // CHUNK)
        return self.samples


@dataclass
class Tables:
    """What the tables of one file promise."""

    tracks: list[Track] = field(default_factory=list)
    runs: int = 0  # samples of fragments that have no bytes of their own
    boxes: int = 0


def check_tables(file: BinaryIO, size: int, where: Path) -> int:
    """See that an MP4 or QuickTime file's tables are in bounds; any other file passes.

    Args:
        file: an open file; it is left where it happens to stand.
        size: bytes of it.

    Returns:
        How many tracks may be videos; 0 of a file of another kind.

    Raises:
        UnreadableError: they promise more samples than :data:`~mimic_core.foreign.reading.SAMPLES`.
    """
    file.seek(0)
    if file.read(8)[4:] not in FIRST:
        return 0
    tables = Tables()
    walk(file, 0, size, tables, where)
    if len(tables.tracks) > MOST_TRACKS:
        raise too_much(f"{len(tables.tracks):,} tracks; at most {MOST_TRACKS} are read", where)
    total = tables.runs + sum(track.entries() for track in tables.tracks)
    edited = sum(track.entries() * track.edits for track in tables.tracks)
    if total > SAMPLES or edited > MOST_EDITED:
        what = f"{total:,} samples" if total > SAMPLES else f"edits of {edited:,} samples"
        raise too_much(f"{what} in {size:,} bytes; at most {SAMPLES:,} are read", where)
    return sum(track.kinds != {b"soun"} for track in tables.tracks)


def walk(file: BinaryIO, start: int, end: int, tables: Tables, where: Path, deep: int = 0) -> None:
    """Read the boxes between two places of a file, and those in them."""
    for kind, inside, behind in boxes(file, start, end):
        tables.boxes += 1
        if tables.boxes > MOST_BOXES:
            raise too_much(f"more than {MOST_BOXES:,} boxes", where)
        if kind == b"trak":
            tables.tracks.append(Track())
        if kind in HOLDERS and deep < DEEPEST:
            walk(file, inside, behind, tables, where, deep + 1)
        elif kind == b"cmov":
            walk_compressed(file, inside, behind, tables, where, deep)
        elif kind == b"trun":
            flags, samples = numbers(file, inside, ">2I")
            tables.runs += 0 if flags & PER_SAMPLE else samples
        elif tables.tracks:
            look(file, kind, inside, behind, tables.tracks[-1])


def look(file: BinaryIO, kind: bytes, inside: int, behind: int, track: Track) -> None:
    """Note what a box says of its track; of several of a kind the worst counts."""
    if kind == b"hdlr":
        file.seek(inside + 4)
        parent, media = struct.unpack("4s4s", file.read(8).ljust(8, b"\0"))
        if parent != b"dhlr":  # what handles a reference to data, not the media
            track.kinds.add(media)
    elif kind in (b"stsz", b"stz2"):
        track.samples = max(track.samples, numbers(file, inside + 8, ">I")[0])
    elif kind == b"stts":
        entries, _, ticks = numbers(file, inside + 4, ">3I")
        track.ticks.add(ticks if entries == 1 else 0)
    elif kind in (b"stco", b"co64"):
        track.chunks = max(track.chunks, min(numbers(file, inside + 4, ">I")[0], (behind - inside) // 4))
    elif kind == b"stsc":
        file.seek(inside + 8)
        table = file.read(min(behind - inside - 8, HEADER_BYTES))
        longest = max((row[1] for row in struct.iter_unpack(">3I", table[: len(table) // 12 * 12])), default=0)
        track.longest_chunk = max(track.longest_chunk, longest)
    elif kind == b"elst":
        track.edits = max(track.edits, min(numbers(file, inside + 4, ">I")[0], (behind - inside) // 12))


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte inside and first byte behind of each box between two places; what is no box ends it."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        inside = start + 8
        if size == 1 and len(head) == 16:
            size, inside = int.from_bytes(head[8:], "big"), start + 16
        behind = end if size == 0 else start + size
        if behind < inside:
            return
        yield kind, inside, min(behind, end)
        start = behind


def walk_compressed(file: BinaryIO, start: int, end: int, tables: Tables, where: Path, deep: int) -> None:
    """Read a compressed header, which unfolds to at most :data:`~mimic_core.foreign.reading.HEADER_BYTES`."""
    for kind, inside, behind in boxes(file, start, end):
        if kind != b"cmvd":
            continue
        promised = numbers(file, inside, ">I")[0]
        file.seek(inside + 4)
        unfold = zlib.decompressobj()
        try:
            data = unfold.decompress(file.read(min(behind - inside - 4, HEADER_BYTES)), HEADER_BYTES + 1)
        except zlib.error:
            continue  # the demuxer's to refuse
        if max(promised, len(data)) > HEADER_BYTES or deep >= DEEPEST:
            size = f"a compressed header of {max(promised, len(data)):,} bytes"
            raise too_much(f"{size}; at most {HEADER_BYTES:,} are read", where)
        walk(io.BytesIO(data), 0, len(data), tables, where, deep + 1)


def numbers(file: BinaryIO, start: int, layout: str) -> tuple[int, ...]:
    """Numbers at a place of a file; zeros where it ends before them."""
    file.seek(start)
    length = struct.calcsize(layout)
    return struct.unpack(layout, file.read(length).ljust(length, b"\0"))


def too_much(what: str, where: Path) -> UnreadableError:
    """The error of a file whose header asks for more than is read."""
    return UnreadableError(f"a video whose header has {what}", where=where, remedy=REMOVE)
