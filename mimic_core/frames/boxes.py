"""Check the size of the sample tables in MP4 and QuickTime files before a demuxer builds its index from them.

A header of a few bytes, possibly compressed, can declare a billion samples. FFmpeg believes it and allocates about 60
bytes per sample. This module counts the entries that its index would have.
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

FIRST_BOX = frozenset(
    [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx", b"uuid"]
)
CONTAINERS = frozenset([b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"])
MAX_BOXES = 1 << 20
MAX_TRACKS = 256
MAX_EDITED = 4 * SAMPLES  # samples times edits: each edit may list all samples again
MAX_DEPTH = 8
PER_SAMPLE = 0xF00  # flags of a track run that stores fields for each of its samples
CHUNK = 1024  # samples of uncompressed audio per index entry


@dataclass
class Track:
    """Sizes declared by the tables of one track."""

    kinds: set[bytes] = field(default_factory=set)
    samples: int = 0
    ticks: set[int] = field(default_factory=set)  # sample durations
    chunks: int = 0
    longest_chunk: int = 0  # samples
    edits: int = 0

    def entries(self) -> int:
        """Return the number of index entries: one per sample, or per chunk for audio with one tick per sample."""
        if self.kinds == {b"soun"} and self.ticks == {1}:
            return self.chunks * -(-self.longest_chunk // CHUNK)
        return self.samples


@dataclass
class Tables:
    """Sizes declared by the tables of one file."""

    tracks: list[Track] = field(default_factory=list)
    runs: int = 0  # samples of fragments that store no fields per sample
    boxes: int = 0


def check_tables(file: BinaryIO, size: int, where: Path) -> int:
    """Check that the tables of an MP4 or QuickTime file are within bounds; files of other formats pass.

    Args:
        file: an open file; its position changes.
        size: its size in bytes.

    Returns:
        The number of tracks that may be video; 0 for a file of another format.

    Raises:
        UnreadableError: the tables declare more samples than :data:`~mimic_core.foreign.reading.SAMPLES`, or too many
            tracks, boxes or edits.
    """
    file.seek(0)
    if file.read(8)[4:] not in FIRST_BOX:
        return 0
    tables = Tables()
    walk(file, 0, size, tables, where)
    if len(tables.tracks) > MAX_TRACKS:
        raise over_bound(f"{len(tables.tracks):,} tracks; at most {MAX_TRACKS} are read", where)
    total = tables.runs + sum(track.entries() for track in tables.tracks)
    edited = sum(track.entries() * track.edits for track in tables.tracks)
    if total > SAMPLES or edited > MAX_EDITED:
        what = f"{total:,} samples" if total > SAMPLES else f"edits of {edited:,} samples"
        raise over_bound(f"{what} in {size:,} bytes; at most {SAMPLES:,} are read", where)
    return sum(track.kinds != {b"soun"} for track in tables.tracks)


def walk(file: BinaryIO, start: int, end: int, tables: Tables, where: Path, depth: int = 0) -> None:
    """Read the boxes between two offsets, recursively."""
    for kind, body, stop in boxes(file, start, end):
        tables.boxes += 1
        if tables.boxes > MAX_BOXES:
            raise over_bound(f"more than {MAX_BOXES:,} boxes", where)
        if kind == b"trak":
            tables.tracks.append(Track())
        if kind in CONTAINERS and depth < MAX_DEPTH:
            walk(file, body, stop, tables, where, depth + 1)
        elif kind == b"cmov":
            walk_compressed(file, body, stop, tables, where, depth)
        elif kind == b"trun":
            flags, samples = read_numbers(file, body, ">2I")
            tables.runs += 0 if flags & PER_SAMPLE else samples
        elif tables.tracks:
            read_box(file, kind, body, stop, tables.tracks[-1])


def read_box(file: BinaryIO, kind: bytes, body: int, stop: int, track: Track) -> None:
    """Record what a box declares about its track; of several boxes of one kind, the largest value counts."""
    if kind == b"hdlr":
        file.seek(body + 4)
        parent, media = struct.unpack("4s4s", file.read(8).ljust(8, b"\0"))
        if parent != b"dhlr":  # a data handler, not a media handler
            track.kinds.add(media)
    elif kind in (b"stsz", b"stz2"):
        track.samples = max(track.samples, read_numbers(file, body + 8, ">I")[0])
    elif kind == b"stts":
        entries, _, ticks = read_numbers(file, body + 4, ">3I")
        track.ticks.add(ticks if entries == 1 else 0)
    elif kind in (b"stco", b"co64"):
        track.chunks = max(track.chunks, min(read_numbers(file, body + 4, ">I")[0], (stop - body) // 4))
    elif kind == b"stsc":
        file.seek(body + 8)
        table = file.read(min(stop - body - 8, HEADER_BYTES))
        longest = max((row[1] for row in struct.iter_unpack(">3I", table[: len(table) // 12 * 12])), default=0)
        track.longest_chunk = max(track.longest_chunk, longest)
    elif kind == b"elst":
        track.edits = max(track.edits, min(read_numbers(file, body + 4, ">I")[0], (stop - body) // 12))


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, body offset and end offset of each box between two offsets; stop at anything that is not a box."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        body = start + 8
        if size == 1 and len(head) == 16:
            size, body = int.from_bytes(head[8:], "big"), start + 16
        stop = end if size == 0 else start + size
        if stop < body:
            return
        yield kind, body, min(stop, end)
        start = stop


def walk_compressed(file: BinaryIO, start: int, end: int, tables: Tables, where: Path, depth: int) -> None:
    """Read a compressed header of at most :data:`~mimic_core.foreign.reading.HEADER_BYTES` once decompressed."""
    for kind, body, stop in boxes(file, start, end):
        if kind != b"cmvd":
            continue
        declared = read_numbers(file, body, ">I")[0]
        file.seek(body + 4)
        decompressor = zlib.decompressobj()
        try:
            data = decompressor.decompress(file.read(min(stop - body - 4, HEADER_BYTES)), HEADER_BYTES + 1)
        except zlib.error:
            continue  # the demuxer will reject it
        if max(declared, len(data)) > HEADER_BYTES or depth >= MAX_DEPTH:
            size = f"a compressed header of {max(declared, len(data)):,} bytes"
            raise over_bound(f"{size}; at most {HEADER_BYTES:,} are read", where)
        walk(io.BytesIO(data), 0, len(data), tables, where, depth + 1)


def read_numbers(file: BinaryIO, start: int, layout: str) -> tuple[int, ...]:
    """Unpack numbers at an offset; bytes past the end of the file count as zeros."""
    file.seek(start)
    length = struct.calcsize(layout)
    return struct.unpack(layout, file.read(length).ljust(length, b"\0"))


def over_bound(what: str, where: Path) -> UnreadableError:
    """Return the error for a header that exceeds a bound."""
    return UnreadableError(f"a video whose header has {what}", where=where, remedy=REMOVE)
