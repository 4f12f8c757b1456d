"""Videos whose headers promise more than is read are refused by name, before memory is taken for them."""

import struct
import zlib

import av
import numpy as np
import pytest
from films import WALL, box, boxes, encode, pan, read, rebuilt

from mimic_core.frames import boxes as tables
from mimic_core.frames import container
from mimic_core.frames.boxes import check_tables
from mimic_core.frames.video import expected_views
from mimic_core.kit.errors import UnreadableError


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("plain") / "plain.mp4", pan(3), "mpeg4")


def constant(samples):
    """What lets the tables of a track promise so many samples of one size."""
    made = {
        b"stsz": struct.pack(">III", 0, 1, samples),
        b"stts": struct.pack(">IIII", 0, 1, samples, 1024),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, samples, 1),
    }
    return lambda kind, inside: made.get(kind, inside)


def compressed(data, size=None, padding=0):
    """An MP4 file whose header is compressed."""
    header = next(box(kind, inside + bytes(padding)) for kind, inside in boxes(data) if kind == b"moov")
    folded = struct.pack(">I", size or len(header)) + zlib.compress(header, 9)
    header = box(b"moov", box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", folded)))
    return b"".join(box(kind, inside) for kind, inside in boxes(data) if kind != b"moov") + header


def fragmented(path, pictures):
    """An MP4 file in fragments."""
    with av.open(str(path), "w", "mp4", options={"movflags": "frag_keyframe+empty_moov"}) as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="module")
def bombs(plain, tmp_path_factory):
    data = plain.read_bytes()
    track = next(box(kind, inside) for kind, inside in boxes(dict(boxes(data))[b"moov"]) if kind == b"trak")
    many = rebuilt(data, lambda kind, inside: inside + 300 * track if kind == b"moov" else inside)
    edits = struct.pack(">II", 0, 100_000) + 100_000 * struct.pack(">IIHH", 3000, 0, 1, 0)
    edits = box(b"edts", box(b"elst", edits))
    edited = rebuilt(
        rebuilt(data, constant(1000)),
        lambda kind, inside: None if kind == b"edts" else inside + edits if kind == b"trak" else inside,
    )
    parts = bytearray(fragmented(tmp_path_factory.mktemp("parts") / "a.mp4", pan(3)))
    run = parts.index(b"trun")
    parts[run + 4 : run + 12] = struct.pack(">II", 1, 80_000_000)
    return {
        "samples": (rebuilt(data, constant(80_000_000)), "80,000,000 samples"),
        "samples in a compressed header": (compressed(rebuilt(data, constant(80_000_000))), "80,000,000 samples"),
        "a long compressed header": (compressed(data, padding=20 << 20), "a compressed header of 20,9"),
        "a compressed header that says it is long": (compressed(data, size=0x7FFFFF00), "of 2,147,483,392 bytes"),
        "tracks": (many, "301 tracks"),
        "edits": (edited, "edits of 100,000,000 samples"),
        "samples of a fragment": (bytes(parts), "80,000,000 samples"),
    }


NAMES_OF_BOMBS = ["samples", "samples in a compressed header", "a long compressed header", "tracks", "edits"]
NAMES_OF_BOMBS += ["a compressed header that says it is long", "samples of a fragment"]


@pytest.mark.parametrize("name", NAMES_OF_BOMBS)
def test_a_header_that_promises_too_much_is_refused_by_name(bombs, tmp_path, name):
    data, message = bombs[name]
    path = tmp_path / "a.mov"
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match=message):
        read(path)
    assert expected_views(path, 1.0) == 1


def test_ordinary_headers_pass(plain, tmp_path):
    data = plain.read_bytes()
    path = tmp_path / "a.mov"
    for good in (data, compressed(data), fragmented(tmp_path / "b.mp4", pan(3))):
        path.write_bytes(good)
        assert len(read(path)[0]) == 3


def test_hours_of_uncompressed_sound_are_no_bomb(plain, tmp_path):
    samples = 4 * 3600 * 48_000
    made = {
        b"stsz": struct.pack(">III", 0, 2, samples),
        b"stts": struct.pack(">IIII", 0, 1, samples, 1),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, 24_000, 1),
        b"stco": struct.pack(">II", 0, samples // 24_000) + bytes(4 * (samples // 24_000)),
        b"hdlr": bytes(8) + b"soun" + bytes(13),
    }
    path = tmp_path / "a.mov"
    path.write_bytes(rebuilt(plain.read_bytes(), lambda kind, inside: made.get(kind, inside)))
    with path.open("rb") as file:
        check_tables(file, path.stat().st_size, path)
    path.write_bytes(rebuilt(path.read_bytes(), lambda kind, inside: inside.replace(b"soun", b"vide")))
    with path.open("rb") as file, pytest.raises(UnreadableError, match="691,200,000 samples"):
        check_tables(file, path.stat().st_size, path)


def test_boxes_within_boxes_and_boxes_without_end_are_walked_in_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_BOXES", 1000)
    deep = box(b"moov", b"")
    for _ in range(500):
        deep = box(b"moov", deep)
    for number, data in enumerate((deep, box(b"ftyp", b"isom") + struct.pack(">I4s", 0, b"moov") + b"\0" * 99)):
        path = tmp_path / str(number)
        path.write_bytes(data)
        with path.open("rb") as file:
            check_tables(file, len(data), path)
    path.write_bytes(box(b"free", b"") * 2000)
    with path.open("rb") as file, pytest.raises(UnreadableError, match="more than 1,000 boxes"):
        check_tables(file, path.stat().st_size, path)


def gif(width, height, frames):
    """A GIF of a screen of any size whose frames have one pixel."""
    header = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x0a\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return header + frame * frames + b";"


def test_pictures_too_large_or_too_small_are_refused_before_memory_is_taken(tmp_path):
    import resource

    path = tmp_path / "a.gif"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path.write_bytes(gif(16_000, 16_000, 3))
    with pytest.raises(UnreadableError, match="cannot be decoded"):
        read(path)
    path.write_bytes(gif(1, 1, 10_000))
    with pytest.raises(UnreadableError, match="1x1 pixels"):
        read(path)
    path.write_bytes(gif(16_000, 2, 10_000))
    with pytest.raises(UnreadableError, match="16000x2 pixels"):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "kB"


def test_a_video_whose_pictures_grow_out_of_bounds_ends_there(tmp_path, monkeypatch):
    small, large = encode(tmp_path / "a.ts", pan(3)), tmp_path / "b.ts"
    wide = [np.ascontiguousarray(np.tile(WALL[:, :400], (2, 1, 1))) for _ in range(20)]
    encode(large, wide)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    assert len(read(joined)[0]) == 5
    monkeypatch.setitem(container.OPTIONS, "max_pixels", "60000")
    views, remarks = read(joined)
    assert len(views) == 3
    assert "damaged packets" in remarks[0]
