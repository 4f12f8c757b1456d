"""What headers of pictures say, genuine and made to mislead."""

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mimic_core import foreign
from mimic_core.foreign.headers import MOST_PARTS, pictures_in, read_header
from mimic_core.kit.errors import UnreadableError


def saved(kind, count=1, **options):
    """A file of so many pictures."""
    stream = io.BytesIO()
    frames = [Image.new("RGB", (80, 60), colour) for colour in ("red", "lime", "blue")[:count]]
    several = {"save_all": True, "append_images": frames[1:]} if count > 1 else {}
    frames[0].save(stream, kind, **several, **options)
    return stream.getvalue()


def encoded(suffix, dtype=np.uint8):
    done, data = cv2.imencode(suffix, np.zeros((60, 80, 3), dtype))
    assert done
    return data.tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".jp2", ".gif", ".ppm", ".pam", ".ras"])
def test_sizes_are_read_without_decoding(suffix):
    header = read_header(encoded(suffix))
    assert (header.width, header.height) == (80, 60)


@pytest.mark.parametrize("suffix", [".pfm", ".hdr"])
def test_sizes_of_floating_pictures(suffix):
    header = read_header(encoded(suffix, np.float32))
    assert (header.width, header.height) == (80, 60)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"progressive": True, "subsampling": 0}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {"big_tiff": True}),
        ("JPEG2000", {"no_jp2": True}),
    ],
)
def test_sizes_of_further_kinds(kind, options):
    header = read_header(saved(kind, **options))
    assert (header.width, header.height) == (80, 60)


@pytest.mark.parametrize(
    ("kind", "options", "count"),
    [
        ("GIF", {}, 3),
        ("WEBP", {"lossless": True}, 3),
        ("PNG", {}, 3),
        ("PNG", {"default_image": True}, 3),
        ("TIFF", {}, 3),
        ("TIFF", {"big_tiff": True}, 3),
        ("AVIF", {}, 3),
        ("MPO", {}, 3),
    ],
)
def test_pictures_of_a_file_are_counted(kind, options, count):
    assert pictures_in(saved(kind, 3, **options)) == count
    if "default_image" not in options:
        assert pictures_in(saved("JPEG" if kind == "MPO" else kind, **options)) == 1


def test_smaller_copies_of_a_picture_do_not_count():
    data = saved("MPO", 3)
    assert pictures_in(data.replace(b"\xff\xe0", b"\xff\xe1\0\x10hdrgm:Version\0\xff\xe0", 1)) == 1, "a gain map"
    previews = bytearray(data)
    place = data.index(b"MPF\0") + 4
    entries = place + struct.unpack_from("<I", data, data.index(struct.pack("<HH", 0xB002, 7)) + 8)[0]
    for number in (1, 2):
        struct.pack_into("<I", previews, entries + 16 * number, 0x010001)
    assert pictures_in(bytes(previews)) == 1, "previews"


def test_pages_that_point_at_each_other_end():
    data = bytearray(saved("TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert pictures_in(bytes(data)) == 1


def jpeg_of(width, height, scans=0):
    data = bytearray(saved("JPEG", progressive=True, subsampling=0))
    struct.pack_into(">HH", data, data.index(b"\xff\xc2") + 5, height, width)
    return bytes(data[:-2]) + b"\xff\xda\0\x08\x01\x01\0\1\x3f\0\0" * scans + b"\xff\xd9"


def png_with(kind, count):
    """A PNG with so many further chunks, before the picture and behind it."""
    data = saved("PNG")
    place = data.index(b"IDAT") - 4
    chunk = struct.pack(">I", 4) + kind + b"a\0\0b" + bytes(4)
    return data[:place] + chunk * (count // 2) + data[place:] + chunk * (count - count // 2)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (jpeg_of(65500, 65500), "65500x65500 pixels; at most 210,000,000"),
        (jpeg_of(14000, 14000), "bytes in memory"),
        (jpeg_of(4000, 4000, scans=300), "pixels in all its scans"),
        (b"\xff\xd8" + b"\xff\xe1\0\2" * (MOST_PARTS + 1) + jpeg_of(9, 9)[2:], "pixels; at most"),
        (b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(20), "pixels; at most"),
        (b"GIF89a" + struct.pack("<HH", 13000, 13000) + bytes(20), "bytes in memory"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(9), "pixels; at most"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\2\0\0\0\xff\x2f\0\xff\x2f\0" + bytes(9), "bytes in memory"),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 1 << 20, -(1 << 20)) + bytes(40), "pixels; at most"),
        (b"P6\n# a word\n99999 99999\n255\n", "pixels; at most"),
        (b"P7\nWIDTH 99999\nHEIGHT 99999\nDEPTH 3\n", "pixels; at most"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 99999 +X 99999\n", "pixels; at most"),
        (b"\xff\x4f\xff\x51\0\x2f\0\0" + struct.pack(">4I", 12000, 12000, 0, 0) + bytes(40), "bytes in memory"),
        (b"\x59\xa6\x6a\x95" + struct.pack(">7I", 99999, 99999, 24, 0, 1, 0, 0), "pixels; at most"),
        (png_with(b"zTXt", 65), "compressed texts"),
        (png_with(b"tEXt", MOST_PARTS), "pixels; at most"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_asks_for_too_much_is_refused_by_its_header(data, said):
    with pytest.raises(UnreadableError, match=said) as caught:
        foreign.check_picture(data, "a.jpg")
    assert caught.value.where == "a.jpg"
    assert caught.value.remedy


@pytest.mark.parametrize("tag", [256, 257])
def test_a_tiff_that_asks_for_too_much_is_refused(tag):
    data = saved("TIFF")
    side = {256: 80, 257: 60}[tag]
    for kind, letter in ((3, "H"), (4, "I")):
        entry = struct.pack("<HHI" + letter, tag, kind, 1, side)
        if entry in data:
            data = data.replace(entry, struct.pack("<HHI" + letter, tag, kind, 1, 65535 if kind == 3 else 1 << 30))
    with pytest.raises(UnreadableError, match="pixels; at most"):
        foreign.check_picture(data, "a.tif")


def test_the_largest_pictures_of_cameras_pass():
    data = bytearray(saved("JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 12288, 16320)
    foreign.check_picture(bytes(data), "a.jpg")
    assert foreign.picture_size(bytes(data)) == (16320, 12288)


def test_what_lies_between_markers_hides_no_size():
    """libjpeg looks for the next marker over rubbish; so a size behind rubbish counts."""
    data = jpeg_of(65500, 65500)
    with pytest.raises(UnreadableError, match="pixels"):
        foreign.check_picture(data[:2] + b"\xff\xff\x00rubbish" + data[2:], "a.jpg")


BEGINNINGS = [saved("JPEG")[:200], saved("TIFF", 3)[:400], saved("GIF", 3)[:100], saved("MPO", 3)[:400]]
BEGINNINGS += [
    saved("PNG", 3)[:100],
    saved("WEBP", 3)[:100],
    saved("AVIF", 3)[:400],
    encoded(".jp2")[:120],
    encoded(".bmp")[:60],
]


@given(st.sampled_from(BEGINNINGS), st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), max_size=8))
def test_damaged_headers_raise_nothing(beginning, changes):
    data = bytearray(beginning)
    for place, value in changes:
        data[place % len(data)] = value
    read_header(bytes(data))
    assert pictures_in(bytes(data)) >= 1
