"""Still pictures from outside: upright whatever says so, of every kind, damaged, hostile, no pictures at all."""

import io
import os
import socket
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from mimic_core.frames.images import image_views, read_image
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import Remark, View, decode_image, decode_picture, turned
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit

CORNERS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}
UPRIGHT = {  # orientation of Exif -> colours at the corners, row by row, of the picture that is stored as RGBW
    1: "RGBW",
    2: "GRWB",
    3: "WBGR",
    4: "BWRG",
    5: "RBGW",
    6: "BRWG",
    7: "WGBR",
    8: "GWRB",
}


def quarters():
    picture = np.zeros((60, 80, 3), np.uint8)
    for number, colour in enumerate(CORNERS.values()):
        top, left = divmod(number, 2)
        picture[30 * top : 30 * top + 30, 40 * left : 40 * left + 40] = colour
    return picture


def corners(image):
    named = {colour: letter for letter, colour in CORNERS.items()}
    places = ((9, 9), (9, -9), (-9, 9), (-9, -9))
    return "".join(named.get(tuple(int(value > 127) * 255 for value in image[place]), "?") for place in places)


def exif_of(orientation, kind=3):
    value = struct.pack("<HH", orientation, 0) if kind == 3 else struct.pack("<I", orientation)
    return b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHI", 0x0112, kind, 1) + value + bytes(4)


def saved(kind, picture=None, **options):
    stream = io.BytesIO()
    Image.fromarray(quarters() if picture is None else picture).save(stream, kind, **options)
    return stream.getvalue()


KINDS = [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("AVIF", {"quality": 95})]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_pictures_of_every_kind_are_turned_upright(kind, options, orientation):
    """JPEG, PNG, WebP and TIFF say it by Exif, an AVIF (as Pillow writes it) by irot and imir."""
    image = decode_picture(saved(kind, exif=exif_of(orientation), **options), "a")
    assert image.shape == ((60, 80, 3) if orientation < 5 else (80, 60, 3))
    assert corners(image) == UPRIGHT[orientation]


def test_exif_does_not_turn_an_avif():
    """The standard (HEIF, MIAF) leaves it to irot and imir, as browsers do."""
    data = saved("AVIF", quality=95, exif=exif_of(6).replace(struct.pack("<H", 0x0112), struct.pack("<H", 0x0113)))
    place = data.index(struct.pack("<HH", 0x0113, 3))
    data = data[:place] + struct.pack("<H", 0x0112) + data[place + 2 :]
    assert corners(decode_picture(data, "a.avif")) == "RGBW"


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
@pytest.mark.parametrize(("kind", "options"), KINDS[:4])
def test_an_orientation_that_is_none_turns_nothing(kind, options, orientation):
    assert corners(decode_picture(saved(kind, exif=exif_of(orientation), **options), "a")) == "RGBW"


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(20)],
)
@pytest.mark.parametrize(("kind", "options"), KINDS[:3])
def test_exif_that_breaks_off_turns_nothing(kind, options, exif):
    assert corners(decode_picture(saved(kind, exif=exif, **options), "a")) == "RGBW"


def test_turning_is_what_exif_means():
    picture = quarters()
    for orientation, expected in UPRIGHT.items():
        assert corners(turned(picture, orientation)) == expected
    assert turned(picture, 255) is not None


def test_ordinary_pictures_are_decoded_as_those_that_are_stored_here():
    for kind, options in KINDS[:4]:
        data = saved(kind, **options)
        np.testing.assert_array_equal(decode_picture(data, "a"), decode_image(data))


def test_depth_transparency_and_inks():
    deep = cv2.imencode(".png", quarters()[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    clear = saved("PNG", np.dstack([quarters(), np.zeros((60, 80), np.uint8)]))
    inks = io.BytesIO()
    Image.fromarray(quarters()).convert("CMYK").save(inks, "JPEG")
    palette = io.BytesIO()
    Image.fromarray(quarters()).quantize(4).save(palette, "PNG")
    for data in (deep, clear, inks.getvalue(), palette.getvalue()):
        assert corners(decode_picture(data, "a")) == "RGBW"
    assert corners(decode_picture(cv2.imencode(".png", quarters()[..., 0])[1].tobytes(), "a")) != "RGBW", "grey"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_jpeg_that_breaks_off_is_unreadable(share, progressive):
    data = saved("JPEG", quality=95, progressive=progressive)
    with pytest.raises(UnreadableError, match="cannot be decoded"):
        decode_picture(data[: int(len(data) * share)], "a.jpg")


BROKEN = [b"", b"no picture", b"\xff\xd8\xff\xe0", b"GIF89a", b"\0\0\0\x18ftypheic" + bytes(99)]


@pytest.mark.parametrize("data", BROKEN)
def test_what_is_no_picture_is_unreadable(data):
    with pytest.raises(UnreadableError, match=r"cannot be decoded|empty file") as caught:
        decode_picture(data, "a.jpg")
    assert (caught.value.where, bool(caught.value.remedy)) == ("a.jpg", True)


def test_a_bomb_takes_no_memory(tmp_path):
    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(bytes(1 + 30000 // 8)) for _ in range(300)) + rows.flush()
    parts = (b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0), b"IDAT" + body, b"IEND")
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    tracemalloc.start()
    with pytest.raises(UnreadableError, match="30000x30000 pixels"):
        read_image(tmp_path / "bomb.png")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["pipe", "link to a device", "socket", "folder", "link to itself", "link to nothing"])
def test_what_is_no_file_is_unreadable_and_not_waited_for(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "zz.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind("zz.jpg")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"link to a device": "/dev/zero", "link to itself": path, "link to nothing": "gone"}[kind])
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(saved("JPEG"))
    views = list(image_views(Unit("a", tmp_path), ImageSettings()))
    assert [type(view) for view in views] == [View, View, UnreadableError]
    assert views[2].where == str(path)


def test_files_of_several_pictures_are_told(tmp_path):
    frames = [Image.fromarray(np.roll(quarters(), 9 * number, 1)) for number in range(3)]
    several = {"save_all": True, "append_images": frames[1:]}
    frames[0].save(tmp_path / "a.tif", **several)
    frames[0].save(tmp_path / "b.webp", lossless=True, **several)
    frames[0].save(tmp_path / "c.jpg")
    *views, remark = image_views(Unit("a", tmp_path), ImageSettings())
    assert remark == Remark("2 files contain several images (a.tif: 3, b.webp: 3); the first of each was used")
    assert [corners(view.image) for view in views] == ["RGBW"] * 3
    (tmp_path / "b.webp").unlink()
    *_, remark = image_views(Unit("a", tmp_path), ImageSettings())
    assert remark == Remark("1 file contains several images (a.tif: 3); the first was used")
    for number in range(5):
        frames[0].save(tmp_path / f"d{number}.png", **several)
    *_, remark = image_views(Unit("a", tmp_path), ImageSettings())
    assert "6 files" in remark.text
    assert "d1.png: 3, and 3 more)" in remark.text


def test_a_folder_that_cannot_be_listed_says_so(tmp_path):
    with pytest.raises(UnreadableError, match="a folder that cannot be listed"):
        list(image_views(Unit("a", tmp_path / "gone"), ImageSettings()))
    with pytest.raises(UnreadableError, match="0 readable images"):
        list(image_views(Unit("a", tmp_path), ImageSettings()))
