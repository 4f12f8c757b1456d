"""ScanNet's recordings, whole, broken and hostile."""

import itertools
import math
import os
import tracemalloc

import cv2
import numpy as np
import pytest
from unit.sources.raw import encoded, picture, sens, sens_frame, sens_header

from mimic_core.frames import sens as module
from mimic_core.frames.sens import sens_views, times_of
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import Remark, View
from mimic_core.kit.errors import UnreadableError


def views_of(path, data):
    path.write_bytes(data)
    return list(sens_views(path, ImageSettings()))


def test_frames_come_in_order_with_names_and_times(tmp_path):
    views = views_of(tmp_path / "a.sens", sens(4))
    assert [view.name for view in views] == ["000000", "000001", "000002", "000003"]
    assert [view.time for view in views] == pytest.approx([0, 1 / 30, 2 / 30, 0.1], abs=1e-4)
    assert [round(view.image[200, 200, 2] / 10) for view in views] == [0, 1, 2, 3]
    assert views[0].image[9, 9].tolist()[0] > 200, "the red corner is at the top left, and red"


@pytest.mark.parametrize("compression", [0, 1])
def test_raw_and_png_frames_are_exact(tmp_path, compression):
    frames = [picture(number).tobytes() if compression == 0 else encoded(number, ".png") for number in range(2)]
    views = views_of(
        tmp_path / "a.sens", sens_header(2, compression=compression) + b"".join(sens_frame(f, stamp=0) for f in frames)
    )
    for number, view in enumerate(views):
        np.testing.assert_array_equal(view.image, cv2.resize(picture(number), (224, 224)))
    assert np.isnan([view.time for view in views]).all()


def test_a_file_that_breaks_off_gives_the_views_up_to_there(tmp_path, caplog):
    data = sens(5)
    *views, remark = views_of(tmp_path / "a.sens", data[:-100])
    assert len(views) == 4
    assert "breaks off after 4 views" in caplog.text
    assert remark.text.startswith("breaks off after 4 views (")
    length = (len(data) - len(sens_header(5))) // 5
    with pytest.raises(UnreadableError, match="breaks off after 1 views"):
        views_of(tmp_path / "a.sens", data[: len(sens_header(5)) + length + length // 2])


GOOD = sens_frame(encoded(0)) + sens_frame(encoded(1))


@pytest.mark.parametrize("sizes", [(2**60, 5), (2**63, 5), (10, 2**60), (2**64 - 1, 2**64 - 1)])
def test_hostile_sizes_end_the_file_and_take_no_memory(tmp_path, sizes):
    hostile = sens_frame(encoded(2), sizes=sizes) + sens_frame(encoded(3))
    tracemalloc.start()
    *views, remark = views_of(tmp_path / "a.sens", sens_header(2**60) + GOOD + hostile)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(views) == 2
    assert "breaks off after 2 views" in remark.text
    assert peak < 8 << 20
    with pytest.raises(UnreadableError, match="breaks off after 0 views"):
        views_of(tmp_path / "b.sens", sens_header(3) + hostile)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "header cannot be read"),
        (b"\x04\0\0", "header cannot be read"),
        (sens_header(9)[:300], "header cannot be read"),
        (b"\x04\0\0\0" + b"\xff" * 8 + b"x" * 99, "header cannot be read"),
        (sens_header(2, version=3) + GOOD, "version 4: its first number is 3"),
        (b"PK\x03\x04" * 200, "not a .sens recording"),
        (sens_header(2, compression=7) + GOOD, "unknown compression 7"),
        (sens_header(0), "0 readable frames"),
        (sens_header(1) + GOOD, "1 readable frames"),
    ],
)
def test_what_is_no_recording_is_unreadable(tmp_path, data, said):
    with pytest.raises(UnreadableError, match=said) as raised:
        views_of(tmp_path / "a.sens", data)
    assert raised.value.where == str(tmp_path / "a.sens")
    assert raised.value.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableError, match="No such file"):
        list(sens_views(tmp_path / "gone.sens", ImageSettings()))


def test_one_damaged_frame_is_counted_and_the_rest_is_read(tmp_path):
    frames = [sens_frame(encoded(0)), sens_frame(b"no JPEG"), sens_frame(b""), sens_frame(encoded(3))]
    found = views_of(tmp_path / "a.sens", sens_header(4) + b"".join(frames))
    assert [type(view) for view in found] == [View, UnreadableError, UnreadableError, View]
    assert found[1].where.endswith("a.sens/000001")
    assert found[3].name == "000003"


def test_raw_frames_of_another_size_are_damaged(tmp_path):
    with pytest.raises(UnreadableError, match="0 readable frames"):
        views_of(tmp_path / "a.sens", sens_header(1, compression=0) + sens_frame(b"123"))


def test_memory_does_not_grow_with_the_recording(tmp_path):
    path = tmp_path / "long.sens"
    path.write_bytes(sens_header(500) + sens_frame(encoded(1), bytes(100_000)) * 500)  # 50 MB
    tracemalloc.start()
    views = sens_views(path, ImageSettings())
    first = next(views)
    early = tracemalloc.get_traced_memory()[1]
    assert first.name == "000000"
    assert sum(1 for _ in itertools.islice(views, 498)) == 498
    late = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert late < early + (2 << 20)


NAN = float("nan")
DAY = 24 * 3600 * 10**6


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 0, 987654321000, 0, 0], [NAN, NAN, 0, NAN, NAN]),
        ([5_000_000, 5_033_333, 0, 5_100_000, 5_133_333], [0, 0.033333, NAN, 0.1, 0.133333]),
        ([0, 0, 0], [NAN, NAN, NAN]),
        ([], []),
        ([7, 7, 7], [0, 0, 0]),
        ([9 * DAY, 5, 6, 7], [NAN, 0, 1e-6, 2e-6]),
        ([5, 6, 7, 2**64 - 1], [0, 1e-6, 2e-6, NAN]),
        ([5, 2**63, 6, 7], [0, NAN, 1e-6, 2e-6]),
        ([10_000_000, 11_000_000, 4_000_000, 12_000_000], [0, 1, NAN, 2]),
        ([10_000_000, 99_000_000, 11_000_000, 12_000_000], [0, NAN, 1, 2]),
        ([5, 4, 3, 2, 1], [NAN, NAN, NAN, NAN, 0]),
        ([8_000_000, 9_000_000, 1_000_000, 2_000_000, 3_000_000], [NAN, NAN, 0, 1, 2]),
    ],
)
def test_stray_stamps_give_no_time_and_leave_the_others_theirs(stamps, times):
    assert times_of(stamps) == pytest.approx(times, nan_ok=True)


def test_stamps_that_cannot_be_used_are_counted(tmp_path):
    frames = [
        sens_frame(encoded(number), stamp=stamp) for number, stamp in enumerate((5_000_000, 0, 2**64 - 1, 5_100_000))
    ]
    remark, *views = views_of(tmp_path / "a.sens", sens_header(4) + b"".join(frames))
    assert remark == Remark("2 of 4 frames have no usable timestamp")
    assert [view.time for view in views] == pytest.approx([0, math.nan, math.nan, 0.1], nan_ok=True)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.sens")
    with pytest.raises(UnreadableError, match="this is a pipe"):
        list(sens_views(tmp_path / "a.sens", ImageSettings()))


def test_a_frame_that_asks_for_too_much_is_one_damaged_frame(tmp_path):
    bomb = bytearray(encoded(9))
    place = bomb.find(b"\xff\xc0") + 5
    bomb[place : place + 4] = b"\xff\xdc\xff\xdc"
    found = views_of(tmp_path / "a.sens", sens_header(3) + sens_frame(encoded(0)) + sens_frame(bytes(bomb)) + GOOD)
    assert [type(view) for view in found] == [View, UnreadableError, View]
    assert "65500x65500 pixels" in found[1].what


def test_raw_frames_of_absurd_size_are_damaged(tmp_path):
    header = bytearray(sens_header(2, compression=0))
    place = len(header) - 8 - 4 - 16
    header[place : place + 8] = b"\xff" * 8
    with pytest.raises(UnreadableError, match="0 readable frames"):
        views_of(tmp_path / "a.sens", bytes(header) + sens_frame(bytes(64 * 48 * 3)) * 2)


def test_endless_empty_frames_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BAD_IN_A_ROW", 5)
    path = tmp_path / "a.sens"
    path.write_bytes(sens_header(2**60) + GOOD)
    os.truncate(path, 1 << 20)  # zeros: frames without a byte
    stamps, *found, remark = sens_views(path, ImageSettings())
    assert "have no usable timestamp" in stamps.text
    assert [type(view) for view in found] == [View] * 2 + [UnreadableError] * 5
    assert "5 frames in a row cannot be decoded" in remark.text
