"""Videos whose views follow the camera, and whose bottom is cut off."""

from fractions import Fraction
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.video import video_views


def write_video(path, pictures, rate=10):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(rate))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())
    return path


def pan(textured, shifts, vertical=False):
    """Windows of 320x240 that stand so many pixels from the start."""
    if vertical:
        return [textured[shift : shift + 240, 200:520] for shift in shifts]
    return [textured[100:340, shift : shift + 320] for shift in shifts]


def times(path, **settings):
    return [round(view.time, 1) for view in video_views(path, VideoSettings(**settings))]


def test_without_max_motion_time_alone_decides(textured, tmp_path):
    path = write_video(tmp_path / "a.mp4", pan(textured, range(0, 480, 16)))
    assert times(path, interval=1.0) == [0, 1, 2]


def test_a_view_is_taken_once_the_picture_has_moved_so_far(textured, tmp_path):
    path = write_video(tmp_path / "a.mp4", pan(textured, range(0, 480, 16)))  # 0.05 of the width a frame
    found = times(path, interval=1.0, max_motion=0.24)
    assert found == pytest.approx(np.arange(0, 3, 0.5), abs=0.11)


def test_slow_cameras_are_left_to_the_interval_counted_from_the_last_view(textured, tmp_path):
    shifts = [*range(15), *range(30, 300, 24), *[300] * 25]
    path = write_video(tmp_path / "a.mp4", pan(textured, shifts))
    found = times(path, interval=1.0, max_motion=0.3)
    assert found[:2] == [0, 1]
    assert all(0.1 < later - earlier <= 1.01 for earlier, later in pairwise(found))
    assert any(later - earlier < 0.9 for earlier, later in pairwise(found))
    assert found[-1] - found[-2] == pytest.approx(1.0), "the camera stands still"


def test_there_and_back_is_no_motion(textured, tmp_path):
    shifts = [60 + round(25 * np.sin(number)) for number in range(30)]
    path = write_video(tmp_path / "a.mp4", pan(textured, shifts))
    assert times(path, interval=1.0, max_motion=0.3) == [0, 1, 2]


def test_vertical_motion_counts_as_a_share_of_the_width(textured, tmp_path):
    path = write_video(tmp_path / "a.mp4", pan(textured, range(0, 300, 16), vertical=True))
    found = times(path, interval=5.0, max_motion=0.24)
    assert found == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.11)


def test_cuts_noise_and_bare_walls_are_no_motion(textured, tmp_path):
    rng = np.random.default_rng(0)
    wall = [np.clip(rng.normal(128, 0.4, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(20)]
    path = write_video(tmp_path / "wall.mp4", wall)
    assert times(path, interval=1.0, max_motion=0.05) == [0, 1]
    a, b = textured[:240, :320], cv2.flip(textured[300:540, 500:820], -1)
    path = write_video(tmp_path / "cut.mp4", [a] * 5 + [b] * 15)
    assert times(path, interval=1.0, max_motion=0.05) == [0, 1]


def test_the_bottom_is_cut_off_before_resizing(textured, tmp_path):
    path = write_video(tmp_path / "a.mp4", pan(textured, [0] * 20))
    cut = next(iter(video_views(path, VideoSettings(crop_bottom=0.2))))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(cut.image, cv2.resize(frame[:192], (224, 224)))


def test_the_bottom_is_that_of_the_turned_picture(textured, tmp_path):
    path = write_video(tmp_path / "a.mp4", pan(textured, [0] * 20))
    cut = next(iter(video_views(path, VideoSettings(crop_bottom=0.5), turn=1)))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(cut.image, cv2.resize(np.rot90(frame, -1)[:160], (224, 224)))
