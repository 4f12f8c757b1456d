import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from films import box, encode, pan, read, rebuilt, times

from mimic_core.frames import reader
from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.shard import write_frames
from mimic_core.frames.video import upright, video_views
from mimic_core.frames.views import decode_image, encode_jpeg, to_view_size
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources.base import Unit


def test_views_come_at_the_interval(make_video, tmp_path):
    views = list(video_views(make_video(tmp_path / "a.mp4", seconds=4), VideoSettings(interval=1.0)))
    assert [round(view.time, 3) for view in views] == [0, 1, 2, 3]
    assert all(view.image.shape == (224, 224, 3) and view.image.dtype == np.uint8 for view in views)


@pytest.mark.parametrize("interval", [0.3, 0.25, 0.5])
def test_the_first_frame_at_or_after_each_time_is_taken(make_video, tmp_path, interval):
    views = list(video_views(make_video(tmp_path / "a.mp4", seconds=3), VideoSettings(interval=interval)))
    for number, view in enumerate(views):
        assert number * interval - 1e-6 <= view.time < number * interval + 0.1


def test_interval_zero_takes_every_frame(make_video, tmp_path):
    assert len(list(video_views(make_video(tmp_path / "a.mp4", seconds=2), VideoSettings(interval=0)))) == 20


def test_a_variable_frame_rate_is_read_by_its_time_stamps(tmp_path):
    times = [0.0, 0.1, 0.9, 1.5, 1.6, 2.1, 3.4]
    with av.open(str(tmp_path / "variable.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, seconds in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(1000 * seconds), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    views = list(video_views(tmp_path / "variable.mkv", VideoSettings(interval=1.0)))
    assert [view.time for view in views] == pytest.approx([0.0, 1.5, 2.1, 3.4], abs=2e-3)


def test_rotation_metadata_is_applied(make_video, tmp_path):
    upside = make_video(tmp_path / "a.mp4", seconds=2)
    data = bytearray(upside.read_bytes())
    # the track header's matrix turns the picture by a quarter: (0 1 / -1 0) in 16.16 fixed point
    start = data.find(b"tkhd") + 4 + 40
    one, minus_one, zero, w = (v.to_bytes(4, "big", signed=True) for v in (65536, -65536, 0, 1 << 30))
    data[start : start + 36] = zero + one + zero + minus_one + zero + zero + zero + zero + w
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    with av.open(str(upside)) as first, av.open(str(turned)) as second:
        frame, other = next(first.decode(video=0)), next(second.decode(video=0))
        assert upright(frame).shape == (240, 320, 3)
        assert upright(other).shape == (320, 240, 3)
        np.testing.assert_array_equal(upright(other), np.rot90(upright(frame), -1))  # the header asks for clockwise


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "cannot be decoded"), (b"not a video" * 99, "cannot be decoded")]
)
def test_files_that_are_no_video(tmp_path, content, message):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=message) as raised:
        list(video_views(path, VideoSettings()))
    assert str(path) in str(raised.value)
    assert raised.value.remedy


def test_one_frame_is_no_pair(make_video, tmp_path):
    with pytest.raises(UnreadableError, match="gives 1 of the two views"):
        list(video_views(make_video(tmp_path / "one.mp4", seconds=0.1), VideoSettings()))


def test_short_videos_are_left_out(make_video, tmp_path):
    with pytest.raises(UnreadableError, match="shorter than min_seconds = 3"):
        list(video_views(make_video(tmp_path / "a.mp4", seconds=2), VideoSettings(interval=0.5, min_seconds=3)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableError, match=r"gone\.mp4"):
        list(video_views(tmp_path / "gone.mp4", VideoSettings()))


def test_a_video_that_breaks_off_gives_the_views_up_to_there(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.avi", seconds=6)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    views = list(video_views(cut, VideoSettings(interval=1.0)))
    assert 2 <= len(views) < 6


def test_center_crop_keeps_the_aspect(textured):
    image = np.ascontiguousarray(textured[:300, :600])
    cropped = to_view_size(image, "center_crop")
    np.testing.assert_array_equal(cropped, to_view_size(np.ascontiguousarray(image[:, 150:450]), "squash"))


def test_jpeg_round_trip(textured):
    view = to_view_size(cv2.GaussianBlur(textured, (0, 0), 6))
    again = decode_image(encode_jpeg(view))
    assert again.shape == view.shape
    assert np.abs(again.astype(int) - view).mean() < 4
    reddish = np.full((224, 224, 3), (200, 40, 20), np.uint8)
    assert np.abs(decode_image(encode_jpeg(reddish))[100, 100].astype(int) - (200, 40, 20)).max() < 4
    with pytest.raises(ValueError, match="not an image"):
        decode_image(b"no image")


def test_a_failed_unit_leaves_nothing_in_the_tar(make_video, tmp_path):
    good = Unit("good.mp4", make_video(tmp_path / "good.mp4"))
    single = Unit("single.mp4", make_video(tmp_path / "single.mp4", seconds=0.1))
    read = reader("video", {"interval": 1.0}, 0)
    write_frames([good], read, tmp_path / "a.tar", tmp_path / "a.parquet", total=1)
    statistics = write_frames([single, good], read, tmp_path / "b.tar", tmp_path / "b.parquet", total=2)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert statistics["units"] == 2
    assert statistics["units_unreadable"] == 1


def test_a_source_without_one_readable_unit_is_an_error(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"")
    read = reader("video", {}, 0)
    units = [Unit("broken.mp4", path)]
    with pytest.raises(MimicError, match=r"none of the source's 1 units can be read:\n  broken\.mp4"):
        write_frames(units, read, tmp_path / "a.tar", tmp_path / "a.parquet", total=1)
    assert sorted(tmp_path.iterdir()) == [path]
    statistics = write_frames(units, read, tmp_path / "a.tar", tmp_path / "a.parquet", total=2)
    assert statistics["units_unreadable"] == 1  # other shards may hold good ones


def test_an_edit_list_leaves_out_what_it_cuts(tmp_path):
    path = encode(tmp_path / "a.mp4", pan(4), "mpeg4")
    whole, _ = read(path)
    second = struct.unpack_from(">I", path.read_bytes(), path.read_bytes().index(b"mdhd") + 16)[0]
    later = box(b"edts", box(b"elst", struct.pack(">IIIIHH", 0, 1, 3000, second, 1, 0)))
    data = rebuilt(path.read_bytes(), lambda kind, inside: None if kind == b"edts" else inside)
    path.write_bytes(rebuilt(data, lambda kind, inside: inside + later if kind == b"trak" else inside))
    views, remarks = read(path)
    assert times(views) == [0, 1, 2]
    assert remarks == []
    np.testing.assert_array_equal(views[0].image, whole[1].image)


def test_ten_bit_hevc_gives_the_colours_of_eight_bits(tmp_path):
    views, remarks = read(encode(tmp_path / "a.mp4", pan(2), "libx265", pixels="yuv420p10le"))
    eight, _ = read(encode(tmp_path / "b.mp4", pan(2), "libx265"))
    assert times(views) == [0, 1]
    assert remarks == []
    assert np.abs(views[1].image.astype(int) - eight[1].image).mean() < 10
