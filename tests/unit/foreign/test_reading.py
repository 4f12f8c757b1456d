"""Reading what others wrote: regular files only, bounds, and one kind of error."""

import errno
import json
import os
import socket
import struct
import zlib

import cv2
import numpy as np
import pytest

from mimic_core.foreign import reading as foreign
from mimic_core.kit.errors import MimicError, UnreadableError


def png_of(width, height):
    """A PNG whose header asks for so many pixels, and that holds hardly any."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(1000))]
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture(params=["pipe", "device", "link to a device", "folder", "socket", "nothing", "link to itself"])
def no_file(request, tmp_path, monkeypatch):
    path = tmp_path / "x.mp4"
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path = "/dev/zero"
    elif request.param == "link to a device":
        path.symlink_to("/dev/zero")
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind("x.mp4")
        request.addfinalizer(server.close)
    elif request.param == "link to itself":
        path.symlink_to(path)
    return path


@pytest.mark.parametrize("read", [foreign.check_regular, foreign.open_regular, foreign.read_regular])
def test_only_regular_files_are_opened(read, no_file):
    with pytest.raises(UnreadableError) as caught:
        read(no_file, "a video")
    assert caught.value.what.startswith("a video")
    assert str(no_file) == caught.value.where


def test_a_path_with_a_zero_byte_is_unreadable():
    with pytest.raises(UnreadableError):
        foreign.open_regular("a\0b")


def test_a_regular_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert foreign.read_regular(path, most=5) == b"12345"
    with pytest.raises(UnreadableError, match="5 bytes; at most 4"):
        foreign.read_regular(path, most=4)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RecursionError(), TypeError("x"), AttributeError("x"), KeyError("x"), OSError(errno.EINVAL, "x")],
)
def test_whatever_a_reader_raises_is_an_unreadable_file(error):
    with pytest.raises(UnreadableError) as caught, foreign.foreign("a scene that cannot be read", "a.glb", "fetch it"):
        raise error
    assert caught.value.what.startswith("a scene that cannot be read (")
    assert (caught.value.where, caught.value.remedy) == ("a.glb", "fetch it")
    assert caught.value.__cause__ is error


def test_the_errors_of_opencv_are_told_in_its_own_words():
    with pytest.raises(UnreadableError, match="error"), foreign.foreign("an image", "a.png"):
        cv2.cvtColor(np.zeros((0, 0), np.uint8), cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize("number", sorted(foreign.MACHINE))
def test_faults_of_the_machine_stay_what_they_are(number):
    with pytest.raises(OSError) as caught, foreign.foreign("an image", "a.png"):
        raise OSError(number, os.strerror(number))
    assert not isinstance(caught.value, MimicError)
    assert caught.value.errno == number


def test_our_own_errors_pass_unchanged():
    told = MimicError("a setting is wrong", where="pairs.ratio")
    with pytest.raises(MimicError) as caught, foreign.foreign("an image", "a.png"):
        raise told
    assert caught.value is told


def test_a_reason_is_one_short_line_without_control_characters():
    told = foreign.reason(ValueError("x\n" * 1000 + "\x1b[2J"))
    assert "\n" not in told
    assert "\x1b" not in told
    assert len(told) < foreign.LONGEST_REASON + 20


@pytest.mark.parametrize("size", [(30000, 30000), (1 << 21, 1), (1, 1 << 21), (1 << 30, 1 << 30)])
def test_a_picture_that_asks_for_too_many_pixels_is_refused_by_its_header(size):
    with pytest.raises(UnreadableError, match="pixels"):
        foreign.check_picture(png_of(*size), "a.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".avif", ".jp2", ".gif", ".ppm"])
def test_pictures_of_usual_size_pass(suffix):
    done, data = cv2.imencode(suffix, np.zeros((60, 80, 3), np.uint8))
    assert done
    assert foreign.picture_size(data.tobytes()) == (80, 60)
    foreign.check_picture(data.tobytes(), "a")


def test_what_is_no_picture_is_left_to_the_decoder():
    assert foreign.picture_size(b"no picture") is None
    foreign.check_picture(b"no picture", "a")


def test_json_is_read_and_what_is_none_is_unreadable():
    assert foreign.parse_json(b'{"a": [1]}', "a scene's description", "a.glb") == {"a": [1]}
    for data in (b"", b"{", b"\xff", b"[" * 200_000, json.dumps("x" * 50).encode()):
        with pytest.raises(UnreadableError, match="a scene's description"):
            foreign.parse_json(data, "a scene's description", "a.glb", most=300_000 if len(data) > 60 else 50)
