"""Which files are opened as videos, which track is read, and how much they may ask for."""

import os
import struct
import threading
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import WALL, box, boxes, encode, pan, read, rebuilt, times
from PIL import Image

from mimic_core import foreign
from mimic_core.frames.container import decoder_options, open_container
from mimic_core.frames.video import expected_views, video_seconds
from mimic_core.kit.errors import UnreadableError

NAMES = [
    "REC:1.mp4",
    "2023-08-01 12:30:05.mp4",
    "http:x.mp4",
    "concat:a|b.mp4",
    "subfile,,start,0,end,9,,:a.mp4",
    "fd:.mp4",
    "-i.mp4",
    "a%03d.mp4",
    "[a-z]*.mp4",
    "new\nline.mp4",
    "bad\udcff\udcfe.mp4",
    "$(touch pwned).mp4",
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("plain") / "plain.mp4", pan(3), "mpeg4")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(plain, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(plain.read_bytes())
    monkeypatch.chdir(tmp_path)
    for path in (Path(name), tmp_path / name):
        assert times(read(path)[0]) == [0, 1, 2]
        assert expected_views(path, 1.0) == 3


def test_a_pattern_is_no_sequence_of_images(tmp_path):
    pictures = [Image.fromarray(picture) for picture in pan(3, 2)]
    for number in range(3):
        Image.fromarray(WALL[:, :160]).save(tmp_path / f"a{number:03d}.gif")
    path = tmp_path / "a%03d.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=500)
    assert times(read(path)[0]) == [0, 1, 2]


HIDDEN = "hidden.mp4"
TEXTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{path}'\nduration 1\nfile '{path}'\n",
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{path}\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="0"><BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "playlist": "[playlist]\nFile1={path}\nNumberOfEntries=1\n",
    "smil": '<smil><body><video src="{path}"/></body></smil>',
    "asx": '<asx version="3.0"><entry><ref href="{path}"/></entry></asx>',
    "avs": 'DirectShowSource("{path}")\n',
    "reference": "[Reference]\nRef1=file://{path}\n",
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("suffix", [".mp4", ".mts", ".m3u8", ".mpd", ".sdp", ".ffconcat", ""])
def test_a_text_that_names_other_files_is_refused_and_they_are_not_read(plain, tmp_path, monkeypatch, kind, suffix):
    secret = tmp_path / HIDDEN
    secret.write_bytes(plain.read_bytes())
    for number, target in enumerate((str(secret), HIDDEN, f"file:{secret}")):
        path = tmp_path / f"{kind}{number}{suffix}"
        path.write_text(TEXTS[kind].format(path=target))
        with pytest.raises(UnreadableError, match="cannot be decoded: it is a text"):
            read(path)
        assert expected_views(path, 1.0) == 1


def test_a_track_that_lies_in_another_file_is_not_read(plain, tmp_path, monkeypatch):
    secret = tmp_path / HIDDEN
    secret.write_bytes(plain.read_bytes())
    url = str(secret).encode()
    url += b" " * (len(url) % 2)
    alias = bytes(14) + bytes([4]) + b"root".ljust(27, b"\0") + bytes(12)
    alias += bytes([len(HIDDEN)]) + HIDDEN.encode().ljust(63, b"\0") + bytes(36)  # FFmpeg follows this one where it may
    alias += struct.pack(">HH", 2, len(url)) + url + struct.pack(">HH", 0xFFFF, 0)
    for entry in (box(b"url ", bytes(4) + b"file://" + url + b"\0"), box(b"alis", alias)):
        place = box(b"dref", struct.pack(">II", 0, 1) + entry)
        data = rebuilt(plain.read_bytes(), lambda kind, inside, place=place: place if kind == b"dinf" else inside)
        data = b"".join(box(kind, inside) for kind, inside in boxes(data) if kind != b"mdat")  # its pictures are there
        path = tmp_path / "reference.mov"
        path.write_bytes(data)
        with pytest.raises(UnreadableError):
            read(path)


def test_pipes_devices_folders_and_what_leads_to_them_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for name, target in (("zero", "/dev/zero"), ("link", "pipe.mp4"), ("loop", "loop.mp4"), ("gone", "nothing")):
        (tmp_path / f"{name}.mp4").symlink_to(target)

    def look():
        for path in sorted(tmp_path.iterdir()):
            with pytest.raises(UnreadableError):
                read(path)
            assert expected_views(path, 1.0) == 1
            assert video_seconds(path) == 0

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def tagged(data, cover, first=True):
    """An MP4 file with cover art, whose metadata stand before or behind its track."""
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    art = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + cover))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", art)))
    built = b""
    for kind, inside in boxes(data):
        if kind == b"moov":
            children = [(name, box(name, content)) for name, content in boxes(inside) if name != b"udta"]
            header = b"".join(child for name, child in children if name == b"mvhd")
            rest = b"".join(child for name, child in children if name != b"mvhd")
            inside = header + (tags + rest if first else rest + tags)
        built += box(kind, inside)
    return built


@pytest.mark.parametrize("first", [True, False])
def test_cover_art_is_not_the_film(plain, tmp_path, first):
    cover = cv2.imencode(".jpg", np.full((300, 300, 3), 40, np.uint8))[1].tobytes()
    path = tmp_path / "tagged.mp4"
    path.write_bytes(tagged(plain.read_bytes(), cover, first))
    views, remarks = read(path)
    assert len(views) == 3
    assert remarks == []
    np.testing.assert_array_equal(views[1].image, read(plain)[0][1].image)


def test_a_file_of_cover_art_and_sound_is_no_video(plain, tmp_path):
    cover = cv2.imencode(".jpg", np.full((300, 300, 3), 40, np.uint8))[1].tobytes()
    data = tagged(plain.read_bytes(), cover)
    data = rebuilt(data, lambda kind, inside: None if kind == b"trak" else inside)
    path = tmp_path / "song.mp4"
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match="without a video track"):
        read(path)


def several(path, films, kind="matroska", **flags):
    """A file with several video tracks, of so many pictures each; returns its path."""
    with av.open(str(path), "w", format=kind) as container:
        streams = []
        for pictures in films:
            stream = container.add_stream("mpeg4", rate=10)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            streams.append(stream)
        for stream, pictures in zip(streams, films, strict=True):
            for picture in [*pictures, None]:
                frame = None if picture is None else av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
    return path


@pytest.mark.parametrize("kind", ["matroska", "mp4", "mpegts"])
def test_a_still_before_the_film_and_a_second_film_are_left_out_with_a_remark(tmp_path, kind):
    grey = np.full((120, 160, 3), 60, np.uint8)
    path = several(tmp_path / "a", [[grey], pan(3)], kind)
    views, remarks = read(path)
    assert len(views) == 3
    assert remarks == ["1 other video track left out"]
    assert several(tmp_path / "b", [pan(3), pan(3), pan(3)], kind)
    assert read(tmp_path / "b")[1] == ["2 other video tracks left out"]


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi"])
def test_of_many_tracks_each_may_have_smaller_frames(tmp_path, monkeypatch, kind):
    path = several(tmp_path / "a", [pan(3)] * 6, kind)
    assert decoder_options(4)["max_pixels"] == decoder_options(1)["max_pixels"] == str(foreign.FRAME_PIXELS)
    seen = []
    open_it = av.open
    monkeypatch.setattr(av, "open", lambda *a, **k: seen.append(k["options"]) or open_it(*a, **k))
    assert len(read(path)[0]) == 3
    assert seen[-1]["max_pixels"] == str(foreign.FRAME_PIXELS // 3)


def test_animated_gifs_keep_their_delays_and_what_is_not_redrawn(tmp_path):
    background = Image.new("RGBA", (160, 120), (200, 30, 30, 255))
    patches = []
    for number in range(4):
        patch = Image.new("RGBA", (160, 120), (0, 0, 0, 0))
        patch.paste((30, 30, 200, 255), (10 + 35 * number, 10, 30 + 35 * number, 60))
        patches.append(patch)
    path = tmp_path / "a.gif"
    delays = [500, 1000, 2500, 100, 400]
    background.save(path, save_all=True, append_images=patches, duration=delays, disposal=1, transparency=0)
    views, remarks = read(path, interval=0)
    assert times(views) == [0, 0.5, 1.5, 4.0, 4.1]
    assert remarks == []
    blue = [int((view.image[..., 2].astype(int) - view.image[..., 0] > 100).sum()) for view in views]
    assert blue[0] == 0
    assert all(later > earlier for earlier, later in pairwise(blue)), "what was drawn stays"
    still = tmp_path / "still.gif"
    background.save(still)
    with pytest.raises(UnreadableError, match="gives 1 of the two views"):
        read(still)


def test_metadata_that_are_no_utf8_hide_no_film(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "TTTTTTTT"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for picture in pan(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    assert b"TTTTTTTT" in data
    path.write_bytes(data.replace(b"TTTTTTTT", b"\xff\xfe\x80\xe9\xff\xc0\xff\xff"))
    assert len(read(path)[0]) == 3
    assert expected_views(path, 1.0) == 3


@pytest.mark.parametrize("error", [MemoryError(), OverflowError("x"), ZeroDivisionError("y"), AttributeError("z")])
def test_whatever_the_library_raises_is_said_of_the_file(plain, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(UnreadableError, match=r"cannot be decoded \("):
        read(plain)
    assert expected_views(plain, 1.0) == 1
    assert video_seconds(plain) == 0


def test_the_file_is_closed_where_reading_stops_early(plain):
    held = Path("/proc/self/fd")
    if not held.is_dir():
        pytest.skip("this system does not list open files")
    before = len(list(held.iterdir()))
    for _ in range(5):
        with open_container(plain) as (container, _):
            assert container.streams.video
    assert len(list(held.iterdir())) == before
    assert foreign.FRAME_PIXELS >= 8192 * 4320
