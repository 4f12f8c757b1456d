"""Classify a user's files as videos or pictures, by their first bytes or, if these are unknown, by their suffix.

Datasets have known layouts, where suffixes are enough; a user's folder may hold any file under any name. Files that are
neither are skipped and counted.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mimic_core.foreign import first_bytes, gif_pictures, open_regular, read_header
from mimic_core.kit.errors import UnreadableError, printable
from mimic_core.sources.base import IMAGES, Unit, natural
from mimic_core.sources.walking import folders_below

VIDEO, PICTURE, OTHER = "video", "picture", ""

VIDEO_SUFFIXES = """.mp4 .mov .m4v .avi .mkv .webm .mpg .mpeg .mts .m2ts .3gp .wmv .flv .ogv .gif .vob .lrv .asf .divx
    .xvid .mxf .rmvb .y4m .insv .m2v .m1v .m2t .mp2v .mpe .mpv .f4v .3g2 .qt .ogm .wtv .dvr-ms .tod .ivf .amv
    .mjpg .mjpeg .gifv .hevc .h264 .h265 .x264 .x265"""
PICTURE_SUFFIXES = ".jfif .jpe .jif .jfi .jp2 .j2k .j2c .jpf .jpx .jxl .heif .hif .avifs .apng .mpo .pbm"
SOUND = ".m4a .m4b .m4p .m4r .3ga .aax .wma .mka .mks .weba .ra .ram"  # audio, in containers that videos use too
RAW = """.dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .orf .rw2 .raf .pef .srw .x3f .3fr .fff .erf .kdc .dcr .mef .mos
    .mrw .iiq .rwl .gpr"""  # undeveloped camera raw; one that begins like a TIFF only shows its preview
VIDEOS = frozenset(VIDEO_SUFFIXES.split())
PICTURES = IMAGES.union(PICTURE_SUFFIXES.split())
NEITHER = frozenset([*SOUND.split(), *RAW.split(), ".thm"])  # .thm: preview of a video
RAW_VIDEO = frozenset([".mjpg", ".mjpeg"])  # begin like a JPEG

HEAD = 2048  # bytes read from a file: ten packets of a transport stream
SUFFIX = re.compile(r"\.[a-z0-9_~+-]{1,12}", re.ASCII)  # other suffixes count as none
MOST_SUFFIXES = 12  # listed by name

STILL_BRANDS = frozenset(b"avif avis mif1 msf1 miaf heic heix heim heis hevc hevx hevm hevs j2ki jpeg".split())
SOUND_BRANDS = frozenset([b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax ", b"crx "])  # the last: Canon's raw
QUICKTIME = frozenset([b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"])  # boxes that old files begin with
VIDEO_MAGIC = (
    b"FLV\x01",
    b".RMF\0\0",
    b"DKIF\0\0",
    b"YUV4MPEG2 ",
    b"nut/multimedia container\0",
    b"\0\0\x01\xba",  # MPEG program stream
    b"\0\0\x01\xb3",  # MPEG video
    b"\0\0\x01\xb0",  # MPEG-4 video
    b"\0\0\0\0\x01\xbc",  # GXF
    b"\x12\0\x0a",  # AV1
    b"\x1f\x07\0\x3f",  # DV
    b"\x1f\x07\0\xbf",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",  # MXF
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),  # ASF
    bytes.fromhex("b7d800203749da11a64e0007e95ead8d"),  # WTV
)
VIDEO_PATTERNS = (
    re.compile(rb"RIFF....(?:AVI |AMV |CDXA)", re.DOTALL),
    re.compile(rb"\x1a\x45\xdf\xa3.{0,64}(?:matroska|webm)", re.DOTALL),
    re.compile(rb"OggS.*(?:\x80theora|BBCD\0|OVP80|\x01video)", re.DOTALL),
    re.compile(rb"\0?\0\0\x01[\x09\x27\x47\x67]"),  # H.264 without a container
    re.compile(rb"\0?\0\0\x01(?:\x40\x01|\x46\x01)"),  # HEVC without a container
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n....ftypmjp2", re.DOTALL),  # Motion JPEG 2000
    re.compile(rb"....[\x11\x12]\xaf......\x08\0", re.DOTALL),  # FLIC
)
PICTURE_MAGIC = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51\0",  # JPEG 2000 without a container
    b"\0\0\0\x0cJXL \r\n\x87\n",
    b"v/1\x01",  # OpenEXR
    b"\x59\xa6\x6a\x95",  # Sun raster
)
PICTURE_PATTERNS = (
    re.compile(rb"RIFF....WEBP", re.DOTALL),
    re.compile(rb"BM....\0\0\0\0....[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL),
    re.compile(rb"P7\nWIDTH "),
    re.compile(rb"#\?R(?:ADIANCE|GBE)\n"),
)
NETPBM = re.compile(rb"P[1-6Ff]\s")
PACKETS = ((0, 188), (4, 192), (0, 204))  # transport streams: offset of the first sync byte, packet length
MOST_LOST = 204  # bytes of a truncated packet before the first whole one


def kind_of(path: Path) -> str:
    """Return ``VIDEO``, ``PICTURE`` or ``OTHER``; for unreadable and non-regular files, the suffix decides."""
    suffix = path.suffix.lower()
    if suffix in NEITHER:
        return OTHER
    head = first_bytes(path, HEAD)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return VIDEO if pictures_of_gif(path) != 1 else PICTURE
    found = kind_by_content(head)
    if found and not (found == PICTURE and suffix in RAW_VIDEO):
        return found
    return VIDEO if suffix in VIDEOS else PICTURE if suffix in PICTURES else OTHER


def pictures_of_gif(path: Path) -> int:
    """Return 0, 1 or 2 for a GIF with no, one or several pictures."""
    try:
        with open_regular(path) as stream:
            return gif_pictures(stream, most=2)
    except (OSError, UnreadableError):
        return 0


def kind_by_content(head: bytes) -> str:
    """Classify a file by its first bytes: ``VIDEO``, ``PICTURE`` or, if they are of neither, ``OTHER``."""
    if head[4:8] == b"ftyp" and head[:2] == b"\0\0":
        brand = head[8:12]
        return OTHER if brand in SOUND_BRANDS else PICTURE if brand in STILL_BRANDS else VIDEO
    if head.startswith(VIDEO_MAGIC) or any(pattern.match(head) for pattern in VIDEO_PATTERNS):
        return VIDEO
    if head[4:8] in QUICKTIME and (head[:1] == b"\0" or head[4:8] == b"mdat"):
        return VIDEO
    if head.startswith(PICTURE_MAGIC) or any(pattern.match(head) for pattern in PICTURE_PATTERNS):
        return PICTURE
    if NETPBM.match(head) and read_header(head) is not None:
        return PICTURE
    return VIDEO if is_transport_stream(head) else OTHER


def is_transport_stream(head: bytes) -> bool:
    """Whether packets that start with the sync byte ``G`` follow each other; ASCII text is none."""
    if b"G" not in head or head.isascii():
        return False
    for first, length in PACKETS:
        for lost in range(MOST_LOST if len(head) == HEAD else 1):
            if head[first + lost : first + lost + 1] == b"G":
                starts = head[first + lost :: length]
                if len(starts) > 2 and starts.count(b"G") == len(starts):
                    return True
    return False


def pictures_among(files: Iterable[Path]) -> list[Path]:
    """Return the pictures among files, in natural order of their names."""
    return sorted((path for path in files if kind_of(path) == PICTURE), key=natural)


HIDDEN, BARE = "hidden", "without suffix"


def passed_over(root: str | Path, units: Iterable[Unit], *outside: str | Path) -> dict[str, int]:
    """Count what lies below a root but belongs to no unit: files by suffix, and hidden files and folders.

    Args:
        units: the units of all adapters that read the root.
        outside: folders to ignore, such as the results folder.

    Returns:
        Counts by suffix (``.txt``), ``without suffix`` and ``hidden``; the most frequent first.
    """
    used = {os.fspath(path) for unit in units for path in (*unit.files, unit.path)}
    kept_out = {os.path.realpath(folder) for folder in outside}
    counts: Counter[str] = Counter()
    hidden: list[Path] = []
    for _, folders, files in folders_below(Path(root), hidden):
        if kept_out:
            folders[:] = [path for path in folders if os.path.realpath(path) not in kept_out]
        for path in files:
            if os.fspath(path) not in used:
                suffix = path.suffix.lower()
                counts[suffix if SUFFIX.fullmatch(suffix) else BARE] += 1
    counts[HIDDEN] = len(hidden)
    return {name: count for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count}


def format_counts(counts: Mapping[str, int]) -> str:
    """Format the counts of :func:`passed_over`: ``12 .txt, 3 hidden, 1 without suffix``."""
    names = list(counts)
    parts = [f"{counts[name]:,} {printable(name)}" for name in names[:MOST_SUFFIXES]]
    more = sum(counts[name] for name in names[MOST_SUFFIXES:])
    return ", ".join([*parts, f"{more:,} more"] if more else parts)
