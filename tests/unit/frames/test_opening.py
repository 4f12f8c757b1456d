"""Which files are opened as videos, which track is read, and how much they may ask for."""

import os
import struct
import threading
import zlib
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import WALL, box, boxes, encode, pan, read, rebuilt, times
from PIL import Image

from mimic_core import foreign
from mimic_core.errors import UnreadableError
from mimic_core.frames import boxes as tables
from mimic_core.frames.boxes import check_tables
from mimic_core.frames.container import open_container
from mimic_core.frames.video import expected_views, video_seconds

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
    with av.open(str(path), "w", "mp4", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
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
    monkeypatch.setattr(tables, "MOST_BOXES", 1000)
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
    monkeypatch.setitem(__import__("mimic_core.frames.container", fromlist=["OPTIONS"]).OPTIONS, "max_pixels", "60000")
    views, remarks = read(joined)
    assert len(views) == 3
    assert "damaged packets" in remarks[0]


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
