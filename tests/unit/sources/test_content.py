"""What a file of one's own is, whatever its name says, and what is passed over."""

import io
import os

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from unit.sources.raw import encoded, picture, write_images

from mimic_core.sources import open_source
from mimic_core.sources.base import Unit
from mimic_core.sources.content import OTHER, PICTURE, VIDEO, format_counts, kind_by_content, kind_of, passed_over
from mimic_core.sources.inventory import take_stock

CONTAINERS = {  # FFmpeg's name of a format -> codec, size
    "mpegts": ("mpeg2video", (64, 48)),
    "vob": ("mpeg2video", (64, 48)),
    "mpeg": ("mpeg1video", (64, 48)),
    "mp4": ("mpeg4", (64, 48)),
    "mov": ("mpeg4", (64, 48)),
    "3gp": ("h263", (176, 144)),
    "asf": ("wmv2", (64, 48)),
    "avi": ("mpeg4", (64, 48)),
    "matroska": ("mpeg4", (64, 48)),
    "webm": ("libvpx", (64, 48)),
    "flv": ("flv", (64, 48)),
    "mxf": ("mpeg2video", (64, 48)),
    "dv": ("dvvideo", (720, 576)),
    "yuv4mpegpipe": ("rawvideo", (64, 48)),
    "ivf": ("libvpx", (64, 48)),
    "mpeg2video": ("mpeg2video", (64, 48)),
    "m4v": ("mpeg4", (64, 48)),
    "gxf": ("mpeg2video", (720, 576)),
    "nut": ("mpeg4", (64, 48)),
    "wtv": ("mpeg2video", (64, 48)),
}


def video(container):
    codec, (width, height) = CONTAINERS[container]
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as out:
        track = out.add_stream(codec, rate=25)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="rgb24")
            out.mux(track.encode(frame))
        out.mux(track.encode())
    return stream.getvalue()


@pytest.mark.parametrize("container", CONTAINERS)
def test_videos_are_known_by_their_first_bytes(container):
    assert kind_by_content(video(container)[:2048]) == VIDEO


def test_a_transport_stream_is_known_where_it_was_cut(tmp_path):
    data = video("mpegts")
    assert kind_by_content(data[100:2148]) == VIDEO
    packets = [data[start : start + 188] for start in range(0, 1880, 188)]
    assert kind_by_content(b"time".join([b"", *packets])) == VIDEO, "of a camera"
    assert kind_by_content(data[: 188 * 3]) == VIDEO


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".avif", ".jp2", ".ppm", ".pam", ".ras"])
def test_pictures_are_known_by_their_first_bytes(suffix):
    assert kind_by_content(encoded(0, suffix)[:2048]) == PICTURE


def test_further_pictures():
    for suffix in (".hdr", ".pfm"):
        assert kind_by_content(cv2.imencode(suffix, np.zeros((4, 4, 3), np.float32))[1].tobytes()[:2048]) == PICTURE
    assert kind_by_content(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic") == PICTURE
    assert kind_by_content(b"\0\0\0\x0cJXL \r\n\x87\n") == PICTURE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"import { Good } from './Good'\n" * 90,
        ("größe G" * 400).encode(),
        b"G" * 2048,
        bytes(2048),
        b"\xff" * 2048,
        b"The freebies of the day",
        b"BM begins a text of some length, too",
        b"P5 is a name\n",
        b"%PDF-1.4",
        b"PK\3\4",
        b"glTF\2\0\0\0",
        b"\x89HDF\r\n\x1a\n",
        b"ffconcat version 1.0\nfile a.mp4",
        b"#EXTM3U\n",
        b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom",
        b"OggS\0\2" + bytes(22) + b"\x01vorbis" + bytes(99),
        b"\0\0\1\0\1\0\x10\x10",
        b"RIFF\0\0\0\0WAVEfmt ",
    ],
)
def test_what_is_neither_is_not_taken_for_media(data):
    assert kind_by_content(data) == OTHER


def test_random_bytes_are_neither():
    rng = np.random.default_rng(0)
    assert not any(kind_by_content(rng.integers(0, 256, 2048, dtype=np.uint8).tobytes()) for _ in range(500))


def gif(pictures):
    stream = io.BytesIO()
    frames = [Image.fromarray(picture(number)) for number in range(pictures)]
    frames[0].save(stream, "GIF", **({"save_all": True, "append_images": frames[1:]} if pictures > 1 else {}))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("x.ts", video("mpegts"), VIDEO),
        ("x.ts", b"export const x = 1\n" * 90, OTHER),
        ("x.vob", b"damaged", VIDEO),
        ("x.jfif", encoded(0), PICTURE),
        ("x.jfif", b"damaged", PICTURE),
        ("x", video("mp4"), VIDEO),
        ("x", encoded(0), PICTURE),
        ("x.mp4", encoded(0), PICTURE),
        ("x.jpg", video("mp4"), VIDEO),
        ("x.jpg", b"damaged", PICTURE),
        ("x.jpg", b"", PICTURE),
        ("x.mp4", b"damaged", VIDEO),
        ("x.gif", gif(1), PICTURE),
        ("x.gif", gif(3), VIDEO),
        ("x.jpg", gif(3), VIDEO),
        ("x.gif", gif(1)[:30], VIDEO),
        ("x.gif", b"damaged", VIDEO),
        ("x.mjpeg", encoded(0) * 3, VIDEO),
        ("x.m4a", video("mp4"), OTHER),
        ("x.NEF", encoded(0, ".tif"), OTHER),
        ("x.thm", encoded(0), OTHER),
        ("x.txt", b"words", OTHER),
        ("x.mp4.part", video("mp4"), VIDEO),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_content_decides_before_the_suffix(tmp_path, name, data, kind):
    (tmp_path / name).write_bytes(data)
    assert kind_of(tmp_path / name) == kind


def test_what_is_no_file_is_never_opened(tmp_path):
    for name in ("a.mp4", "b.jpg", "c"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "d.mp4").symlink_to("/dev/zero")
    (tmp_path / "e").symlink_to("/dev/zero")
    (tmp_path / "f.mp4").symlink_to(tmp_path / "f.mp4")
    (tmp_path / "g").symlink_to("nowhere")
    videos, images = open_source("videos").units(tmp_path), open_source("images").units(tmp_path)
    assert [unit.name for unit in videos] == ["a.mp4", "d.mp4", "f.mp4"]
    assert [path.name for path in images[0].images] == ["b.jpg"]
    assert passed_over(tmp_path, [*videos, *images]) == {"without suffix": 3}


def test_one_folder_of_everything(tmp_path):
    write_images(tmp_path / "photos", "a.jpg", "b.jfif", "c", "d.mp4", "notes.txt", "Thumbs.db", "x.cr2")
    for name in ("notes.txt", "Thumbs.db"):
        (tmp_path / "photos" / name).write_text("words")
    (tmp_path / "photos" / "film.ts").write_bytes(video("mpegts"))
    (tmp_path / "photos" / "still.gif").write_bytes(gif(1))
    (tmp_path / "photos" / "README").write_text("words")
    (tmp_path / "photos" / "NOTES.TXT").write_text("words")
    (tmp_path / "photos" / "a. A long sentence").write_text("words")
    write_images(tmp_path / ".hidden", "a.jpg", "b.jpg")
    (tmp_path / ".DS_Store").write_text("")
    write_images(tmp_path / "out", "1.txt", "2.jpg")
    images, videos = open_source("images").units(tmp_path), open_source("videos").units(tmp_path)
    assert [path.name for path in images[1].images] == ["a.jpg", "b.jfif", "c", "d.mp4", "still.gif"]
    assert [unit.name for unit in videos] == ["photos/film.ts"]
    units = [unit for unit in [*images, *videos] if unit.name != "out"]
    passed = passed_over(tmp_path, units, tmp_path / "out")
    assert passed == {".txt": 2, "hidden": 2, "without suffix": 2, ".cr2": 1, ".db": 1}
    assert format_counts(passed) == "2 .txt, 2 hidden, 2 without suffix, 1 .cr2, 1 .db"


def test_many_suffixes_are_told_in_a_few_words():
    assert format_counts({f".s{number}": 2000 for number in range(14)}).endswith("2,000 .s11, 4,000 more")


def test_check_tells_what_is_passed_over(tmp_path):
    write_images(tmp_path, "a.jpg", "b.jpg", ".c.jpg")
    (tmp_path / "words.txt").write_text("words")
    settings = {"adapter": "images", "origin": "disk", "root": str(tmp_path)}
    assert str(take_stock(settings, None)) == "found, 1 units; passed over: 1 .txt, 1 hidden"
    stock = take_stock({**settings, "adapter": "videos"}, None)
    assert str(stock).startswith("missing; passed over: 2 .jpg, 1 .txt, 1 hidden; the source holds nothing to read")


def test_a_folder_that_cannot_be_listed_is_not_passed_over(tmp_path):
    assert passed_over(tmp_path / "gone", [Unit("gone", tmp_path / "gone", fault="x")]) == {}
