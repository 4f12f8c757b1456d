"""Nothing of a damaged video is lost but what is damaged, and a remark says so."""

import errno
import os
from itertools import pairwise

import av
import numpy as np
import pytest
from films import cut, damage, encode, packets, pan, read, times

from mimic_core.frames import decoding
from mimic_core.frames.clock import FrameClock
from mimic_core.frames.video import expected_views, video_seconds
from mimic_core.kit.errors import UnreadableError
from mimic_core.pairs.measurement import HIGH_OVERLAP, KEPT, Measurement
from mimic_core.pairs.rules import Neighbours, Stride, Windows


@pytest.mark.parametrize(
    ("codec", "suffix", "pixels", "skip", "options"),
    [
        ("libx264", "mp4", "yuv420p", 0, {"g": 10}),
        ("libx264", "mkv", "yuv420p", 0, {"g": 10}),
        ("libx264", "mkv", "yuv420p", 8, {"g": 10}),
        ("mjpeg", "avi", "yuvj420p", 0, {}),
        ("mpeg4", "avi", "yuv420p", 0, {"g": 10}),
        ("libvpx-vp9", "webm", "yuv420p", 8, {"g": 10, "deadline": "good", "cpu-used": 5}),
        ("libx265", "mp4", "yuv420p", 0, {"keyint": 10}),
        ("png", "mov", "rgb24", 0, {}),
        ("flv1", "flv", "yuv420p", 12, {"g": 10}),
    ],
)
def test_one_damaged_packet_costs_no_more_than_its_pictures(tmp_path, codec, suffix, pixels, skip, options):
    path = encode(tmp_path / f"a.{suffix}", pan(9), codec, pixels=pixels, **options)
    clean, nothing = read(path)
    assert times(clean) == list(range(9))
    assert nothing == []
    views, remarks = read(damage(path, 3.0, skip=skip))
    assert len(views) >= 8
    assert times(views)[-1] == 8
    assert len(remarks) == 1
    assert "damaged" in remarks[0] or "no frames for 1." in remarks[0]
    assert "3.0 s" in remarks[0] or "2.9 s" in remarks[0] or "3.1 s" in remarks[0]
    last = views[-1].image.astype(int) - clean[-1].image
    assert np.abs(last).mean() < 1, "what follows the next key frame is whole"


def test_the_remark_counts_frames_and_packets(tmp_path):
    path = damage(encode(tmp_path / "a.avi", pan(5), "mjpeg", pixels="yuvj420p"), 3.0)
    assert read(path)[1] == ["49 of 50 frames, 1 damaged packet at 3.0 s"]
    assert read(damage(path, 4.0))[1] == ["48 of 50 frames, 2 damaged packets from 3.0 s on"]


def test_frames_that_a_decoder_keeps_back_are_counted(tmp_path):
    path = damage(encode(tmp_path / "a.mp4", pan(6), "libx265", keyint=250, bframes=0), 2.0, b"\x5a", skip=12)
    views, remarks = read(path)
    assert times(views) == [0, 1]
    assert "damaged frames from 2.0 s on" in remarks[0] or "damaged frames from 2.1 s on" in remarks[0]


def test_a_video_of_which_nothing_decodes_is_unreadable_and_soon_given_up(tmp_path, monkeypatch):
    path = encode(tmp_path / "a.avi", pan(5), "mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    for _, start, size in packets(path):
        data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match="cannot be decoded"):
        read(path)
    path = encode(tmp_path / "b.avi", pan(5), "mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    for _, start, size in packets(path)[20:]:
        data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    monkeypatch.setattr(decoding, "MAX_FAILURES_IN_A_ROW", 10)
    views, remarks = read(path)
    assert times(views) == [0, 1]
    assert "20 of 50 frames, 10 damaged packets from 2.0 s on" in remarks[0]


@pytest.mark.parametrize(
    ("codec", "kind", "said"),
    [
        ("libx264", "matroska", "of 9.0 s"),
        ("mpeg4", "avi", "of 9.0 s"),
        ("flv1", "flv", "of 9.0 s"),
        ("wmv2", "asf", "of 9.0 s"),
        ("mpeg4", "mp4", "of 9.0 s"),
        ("libx264", "mpegts", "damaged"),
        ("mpeg2video", "mpeg", "damaged"),
        ("gif", "gif", "its end is missing"),
    ],
)
def test_a_file_cut_off_in_the_middle_is_said_to_be(tmp_path, codec, kind, said):
    pixels, rate = ("rgb8" if codec == "gif" else "yuv420p"), (25 if kind == "mpeg" else 10)
    path = encode(tmp_path / "whole", pan(9, rate), codec, kind=kind, rate=rate, pixels=pixels)
    if kind == "mp4":
        fast = tmp_path / "fast"
        with av.open(str(path)) as source, av.open(str(fast), "w", "mp4", options={"movflags": "faststart"}) as to:
            stream = to.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    to.mux(packet)
        path = fast
    assert read(path)[1] == []
    views, remarks = read(cut(path))
    assert 3 <= len(views) <= 7
    assert [said in remark for remark in remarks] == [True]


def test_twelve_seconds_cut_in_half_are_about_five(tmp_path):
    views, remarks = read(cut(encode(tmp_path / "a.mkv", pan(12))))
    assert remarks[0].startswith((f"about {len(views)} of 12 s", f"about {len(views) - 1} of 12 s"))


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_recordings_put_together_are_read_to_the_end(tmp_path, codec):
    parts = [encode(tmp_path / f"{start}.ts", pan(4, 25, start), codec, rate=25, g=25) for start in (0, 400, 800)]
    path = tmp_path / "joined.mts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    views, remarks = read(path)
    assert len(views) in (12, 13)
    assert all(0.8 < later - earlier < 1.3 for earlier, later in pairwise(times(views)))
    assert [view.group for view in views] == sorted(view.group for view in views)
    assert {view.group for view in views} == {0, 1, 2}
    assert remarks == ["timestamps restart 2 times, first at 4.0 s"]


@pytest.mark.parametrize("shift", [-4.0, 3 * 3600.0, -70_000.0])
def test_stamps_that_jump_hide_no_frame(shift):
    clock = FrameClock(10)
    seconds = [clock.tick(10 + number / 10) for number in range(40)]
    seconds += [clock.tick(14 + shift + number / 10) for number in range(40)]
    assert seconds == pytest.approx([number / 10 for number in range(80)])
    assert clock.resets == pytest.approx([4.0])


@pytest.mark.parametrize("wrong", [-50.0, 1e6, None])
def test_a_single_stamp_out_of_line_shifts_nothing(wrong):
    clock = FrameClock(10)
    stamps = [number / 10 for number in range(20)]
    stamps[7] = wrong
    assert [clock.tick(stamp) for stamp in stamps] == pytest.approx([number / 10 for number in range(20)])
    assert clock.resets == []


def test_stamps_slightly_out_of_order_and_long_holds_are_no_seam():
    clock = FrameClock(10)
    assert [clock.tick(stamp) for stamp in (0, 0.3, 0.1, 0.4, 900.0)] == pytest.approx([0, 0.3, 0.3, 0.4, 900])
    assert clock.resets == []
    assert clock.longest > 800


@pytest.mark.parametrize(("rate", "codec", "kind"), [(25, "libx264", "h264"), (10, "libx265", "hevc")])
def test_a_stream_without_time_stamps_is_read_at_its_rate(tmp_path, rate, codec, kind):
    path = encode(tmp_path / "raspivid.mp4", pan(6, rate), codec, kind=kind, rate=rate)
    views, remarks = read(path)
    assert times(views) == [0, 1, 2, 3, 4, 5]
    assert remarks == [f"no timestamps: read at {rate} frames per second"]


def test_a_raw_stream_of_pictures_says_that_its_rate_is_assumed(tmp_path):
    path = encode(tmp_path / "a.mp4", pan(4, 25), "mjpeg", kind="mjpeg", rate=25, pixels="yuvj420p")
    views, remarks = read(path)
    assert times(views) == [0, 1, 2, 3]
    assert remarks == ["no timestamps: read at 25 frames per second"]


def test_no_candidate_crosses_from_one_recording_to_the_next():
    from mimic_core.pairs.candidates import ViewOf

    views = [ViewOf(number, number // 6) for number in range(12)]
    for verdict in (KEPT, HIGH_OVERLAP):
        for rule in (Neighbours(), Stride(2, 1), Windows(5, 2)):
            found = list(rule.candidates(views, lambda one, two, verdict=verdict: Measurement(verdict)))
            assert found
            assert all(one.view1 // 6 == one.view2 // 6 for one in found)
            assert {one.view1 // 6 for one in found} == {0, 1}


def test_a_fault_of_the_machine_is_not_the_videos(tmp_path, monkeypatch):
    path = encode(tmp_path / "a.mkv", pan(3))

    def read_error(*_):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(decoding.VideoFrames, "packets", lambda self: iter(read_error, None))
    with pytest.raises(OSError, match=r"[Ss]tale"):
        read(path)


def test_guesses_of_damaged_headers_are_small_numbers(tmp_path):
    broken = tmp_path / "a.mp4"
    broken.write_bytes(b"nothing")
    assert expected_views(broken, 1.0) == 1
    assert video_seconds(broken) == 0
    assert expected_views(tmp_path / "gone.mp4", 1.0) == 1
    whole = encode(tmp_path / "b.mp4", pan(3))
    assert (expected_views(whole, 1.0), expected_views(whole, 0), expected_views(whole, 1e-12)) == (3, 30, 10_000_000)
    assert video_seconds(whole) == pytest.approx(3)


@pytest.mark.parametrize("kind", ["matroska", "webm", "mp4", "avi", "mpegts", "flv", "ogg", "gif"])
def test_a_file_cut_off_anywhere_is_read_or_unreadable(tmp_path, kind):
    codec = {"mp4": "libx264", "gif": "gif", "webm": "libvpx", "ogg": "libvpx", "flv": "flv1"}.get(kind, "mpeg4")
    data = encode(
        tmp_path / "a", pan(2.4), codec, kind=kind, pixels="rgb8" if kind == "gif" else "yuv420p"
    ).read_bytes()
    path = tmp_path / "cut.mp4"
    ends = []
    for size in [*range(0, 700, 41), *range(700, len(data), len(data) // 15)]:
        path.write_bytes(data[:size])
        try:
            ends.append(bool(read(path)))
        except UnreadableError:
            ends.append(False)
    assert not ends[0] and any(ends)
