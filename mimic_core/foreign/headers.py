"""Read a picture's header before decoding: its size, the cost of decoding it, and the number of pictures in the file.

Every loop here is bounded, since an untrusted picture may be made to attack: a few bytes that decode to gigabytes, or
for hours. Runs on Python 3.9, which habitat-sim needs.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

PLAIN, GIF, ANIMATED, APNG, WIDE = 6, 8, 11, 12, 17  # bytes per pixel at OpenCV's peak, measured
MOST_PARTS = 100_000  # segments, chunks or directories that are read per file
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
NO_SIZE = frozenset([0xC4, 0xC8, 0xCC])  # markers from C0 to CF that do not start a frame
PROGRESSIVE = frozenset([0xC2, 0xC6, 0xCA, 0xCE])
PNM = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s")
PFM = re.compile(rb"P[Ff]\s+(\d{1,9})\s+(\d{1,9})\s")
PAM = re.compile(rb"P7\n(?:[^\n]*\n)*?WIDTH (\d{1,9})\n(?:[^\n]*\n)*?HEIGHT (\d{1,9})\n")
HDR = re.compile(rb"#\?R[^\0]*?\n\n-Y (\d{1,9}) \+X (\d{1,9})\n")


@dataclass(frozen=True)
class Header:
    """The cost of decoding a picture.

    Attributes:
        width, height: pixels, as stored.
        weight: bytes per pixel at the peak of decoding.
        passes: number of passes over all pixels: the scans of a JPEG.
        texts: number of compressed texts, each of which may expand to 8 MB.
    """

    width: int
    height: int
    weight: int = PLAIN
    passes: int = 1
    texts: int = 0


def read_header(data: bytes) -> Header | None:
    """Read the header of a JPEG, PNG, GIF, WebP, TIFF, BMP, JPEG 2000 or other format that OpenCV decodes, except AVIF.

    Return None if the format is unknown here or the header is damaged.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return jpeg_header(data)
        if data[:8] == PNG_SIGNATURE:
            return png_header(data)
        if data[:4] == b"GIF8":
            width, height = struct.unpack_from("<HH", data, 6)
            return Header(width, height, GIF)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return webp_header(data)
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<HH" if data[14] == 12 else "<ii", data, 18)
            return Header(abs(width), abs(height))
        if data[:4] in TIFFS:
            return tiff_header(data)
        if (start := data.find(b"\xff\x4f\xff\x51", 0, 1 << 16)) == 0 or data[4:8] == b"jP  ":
            right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
            return Header(right - left, bottom - top, WIDE) if start >= 0 else None
        if data[:4] == b"\x59\xa6\x6a\x95":  # Sun raster
            return Header(*struct.unpack_from(">II", data, 4))
        return text_header(data[:4096])
    except TooManyError:
        return Header(1 << 16, 1 << 16)  # larger than any bound, so that it is refused
    except (struct.error, IndexError):
        return None


def text_header(head: bytes) -> Header | None:
    """Read the header of a format that writes its size as text: PNM, PAM, PFM, Radiance."""
    for pattern, weight in ((PNM, PLAIN), (PAM, PLAIN), (PFM, WIDE)):
        if found := pattern.match(head):
            return Header(int(found[1]), int(found[2]), weight)
    if found := HDR.match(head):
        return Header(int(found[2]), int(found[1]), WIDE)
    return None


def jpeg_header(data: bytes) -> Header | None:
    """Read the header of a JPEG.

    A progressive picture, or one with a scan per component, is decoded with one pass per scan, and its coefficients of
    two bytes each are held in memory.
    """
    header = None
    for marker, place in jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in NO_SIZE and header is None:
            height, width, components = struct.unpack_from(">HHB", data, place + 5)
            sampling = data[place + 11 : place + 10 + 3 * components : 3] or b"\x11"
            shares = [(byte >> 4 or 1, byte & 15 or 1) for byte in sampling]
            whole = max(across for across, _ in shares) * max(down for _, down in shares)
            held = -(-2 * sum(across * down for across, down in shares) // whole)
            header = Header(width, height, max(PLAIN, 3 + held))
            several = marker in PROGRESSIVE
        elif marker == 0xDA and header is not None:
            if several or data[place + 4] < components:
                return replace(header, passes=max(1, data.count(b"\xff\xda", place)))
            return replace(header, weight=PLAIN)
    return header


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers of a JPEG and their offsets, up to its first scan; skip bytes in between, as libjpeg does.

    Raises:
        TooManyError: there are more markers than any camera writes.
    """
    place = 2
    for _ in range(MOST_PARTS):
        place = data.find(b"\xff", place)
        if place < 0 or place + 4 > len(data):
            return
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:
            place += 2  # without a length
        else:
            yield marker, place
            if marker == 0xDA:
                return
            place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
    raise TooManyError


class TooManyError(Exception):
    """A file has more segments, chunks or pages than are read."""


def png_header(data: bytes) -> Header:
    """Read the header of a PNG; compressed texts before and after the image data are counted."""
    width, height = struct.unpack_from(">II", data, 16)
    place, weight, texts = 8, PLAIN, 0
    for _ in range(MOST_PARTS):
        kind = data[place + 4 : place + 8]
        if len(kind) < 4:
            return Header(width, height, weight, texts=texts)
        weight = APNG if kind == b"acTL" else weight
        texts += kind in (b"zTXt", b"iTXt")
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    raise TooManyError


def webp_header(data: bytes) -> Header | None:
    """Read the header of a WebP in any of its three variants."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[place : place + 3], "little") + 1 for place in (24, 27))
        return Header(width, height, ANIMATED if data[20] & 2 else PLAIN)
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    return None


TIFFS = {  # first bytes of a TIFF -> byte order, struct codes of an offset and of the entry count, bytes per entry
    b"II*\0": ("<", "I", "H", 12),
    b"MM\0*": (">", "I", "H", 12),
    b"II+\0": ("<", "Q", "Q", 20),
    b"MM\0+": (">", "Q", "Q", 20),
}
TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # type of an entry's value -> struct code
WIDTH, HEIGHT, PAGE_KIND = 256, 257, 254  # tags
REDUCED = 1  # bit of PAGE_KIND: a smaller copy of another page


def tiff_header(data: bytes) -> Header | None:
    """Read the header of a TIFF's first page."""
    first = next(tiff_pages(data), {})
    return Header(first[WIDTH], first[HEIGHT]) if WIDTH in first and HEIGHT in first else None


def tiff_pages(data: bytes) -> Iterator[dict[int, int]]:
    """Yield the numbers of each page of a TIFF, by tag; stop if the chain of pages returns to itself."""
    order, letter, count_letter, size = TIFFS[data[:4]]
    (place,) = struct.unpack_from(order + letter, data, 8 if letter == "Q" else 4)
    seen: set[int] = set()
    while place and place not in seen and len(seen) < MOST_PARTS:
        seen.add(place)
        (count,) = struct.unpack_from(order + count_letter, data, place)
        start = place + struct.calcsize(count_letter)
        count = min(count, 1 << 12, max(0, len(data) - start) // size)
        page = {}
        for entry in range(start, start + count * size, size):
            tag, kind = struct.unpack_from(order + "HH", data, entry)
            if tag in (WIDTH, HEIGHT, PAGE_KIND) and kind in TIFF_NUMBERS:
                (page[tag],) = struct.unpack_from(order + TIFF_NUMBERS[kind], data, entry + (8 if size == 12 else 12))
        yield page
        (place,) = struct.unpack_from(order + letter, data, start + count * size)


def pictures_in(data: bytes) -> int:
    """Count the pictures in a file: frames of an animation, pages, views of a stereo camera; 1 if unknown.

    Smaller copies of the same picture, such as previews and gain maps, do not count.
    """
    try:
        if data[:4] == b"GIF8":
            return max(1, gif_pictures(io.BytesIO(data)))
        if data[:8] == PNG_SIGNATURE:
            head = data[: max(8, data.find(b"IDAT"))]
            control = head.find(b"acTL")
            first = b"fcTL" not in head  # a separate first picture, for programs without support for animations
            return max(1, first + int(struct.unpack_from(">I", data, control + 4)[0])) if control > 0 else 1
        if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and data[20] & 2:
            return max(1, webp_frames(data))
        if data[:4] in TIFFS:
            return max(1, sum(not page.get(PAGE_KIND, 0) & REDUCED for page in tiff_pages(data)))
        if data[:3] == b"\xff\xd8\xff":
            return max(1, jpeg_pictures(data))
        if data[4:8] == b"ftyp" and b"avis" in data[8 : int.from_bytes(data[:4], "big")]:
            samples = data.find(b"stsz")
            return max(1, int(struct.unpack_from(">I", data, samples + 12)[0])) if samples > 0 else 1
    except (struct.error, IndexError, TooManyError):
        pass
    return 1


def gif_pictures(stream: BinaryIO, most: int = MOST_PARTS) -> int:
    """Count the pictures of a GIF, up to ``most`` or the first fault, without decoding them."""

    def skip_blocks() -> None:
        while (size := stream.read(1)) and size[0]:
            stream.seek(size[0], io.SEEK_CUR)

    def skip_colours(flags: int) -> None:
        if flags & 0x80:
            stream.seek(3 << (flags & 7) + 1, io.SEEK_CUR)

    head = stream.read(13)
    if len(head) < 13:
        return 0
    skip_colours(head[10])
    pictures = 0
    while pictures < most:
        kind = stream.read(1)
        if kind == b"!":
            stream.read(1)
        elif kind == b"," and len(descriptor := stream.read(9)) == 9:
            pictures += 1
            skip_colours(descriptor[8])
            stream.read(1)
        else:
            break
        skip_blocks()
    return pictures


def webp_frames(data: bytes) -> int:
    """Count the frames of an animated WebP."""
    place, frames = 12, 0
    for _ in range(MOST_PARTS):
        if place + 8 > len(data):
            break
        frames += data[place : place + 4] == b"ANMF"
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return frames


def jpeg_pictures(data: bytes) -> int:
    """Count the views in a Multi Picture file (CIPA DC-007); previews and gain maps do not count."""
    *_, (_, end) = [*jpeg_segments(data)] or [(0, 0)]
    head = data[:end]
    start = head.find(b"MPF\0") + 4
    if start < 4 or data[start : start + 4] not in TIFFS:
        return 1
    order = TIFFS[data[start : start + 4]][0]
    (place,) = struct.unpack_from(order + "I", data, start + 4)
    (count,) = struct.unpack_from(order + "H", data, start + place)
    for entry in range(start + place + 2, start + place + 2 + 12 * min(count, 99), 12):
        tag, _, size, offset = struct.unpack_from(order + "HHII", data, entry)
        if tag == 0xB002:  # 16 bytes per picture; the first four give its kind
            places = range(start + offset, start + offset + 16 * min(size // 16, 999), 16)
            kinds = [int(struct.unpack_from(order + "I", data, place)[0]) for place in places]
            views = sum(kind >> 16 & 0xFF == 2 for kind in kinds)
            undefined = sum(not kind & 0xFFFFFF for kind in kinds)
            gains = b"hdrgm" in head.lower() or b"gainmap" in head.lower()
            return max(views, 1 if gains else 1 + undefined)
    return 1
