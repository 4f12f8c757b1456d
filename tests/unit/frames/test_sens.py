"""ScanNet's recordings, whole, broken and hostile."""

import itertools
import tracemalloc

import cv2
import numpy as np
import pytest
from unit.sources.raw import encoded, picture, sens, sens_frame, sens_header

from mimic_core.errors import UnreadableError
from mimic_core.frames.images import ImageSettings
from mimic_core.frames.sens import sens_views
from mimic_core.frames.views import View


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
    views = views_of(tmp_path / "a.sens", data[:-100])
    assert len(views) == 4
    assert "breaks off after 4 views" in caplog.text
    length = (len(data) - len(sens_header(5))) // 5
    with pytest.raises(UnreadableError, match="breaks off after 1 views"):
        views_of(tmp_path / "a.sens", data[: len(sens_header(5)) + length + length // 2])


GOOD = sens_frame(encoded(0)) + sens_frame(encoded(1))


@pytest.mark.parametrize("sizes", [(2**60, 5), (2**63, 5), (10, 2**60), (2**64 - 1, 2**64 - 1)])
def test_hostile_sizes_end_the_file_and_take_no_memory(tmp_path, sizes):
    hostile = sens_frame(encoded(2), sizes=sizes) + sens_frame(encoded(3))
    tracemalloc.start()
    views = views_of(tmp_path / "a.sens", sens_header(2**60) + GOOD + hostile)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(views) == 2
    assert peak < 8 << 20
    with pytest.raises(UnreadableError, match="breaks off after 0 views"):
        views_of(tmp_path / "b.sens", sens_header(3) + hostile)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "beginning cannot be read"),
        (b"\x04\0\0", "beginning cannot be read"),
        (sens_header(9)[:300], "beginning cannot be read"),
        (b"\x04\0\0\0" + b"\xff" * 8 + b"x" * 99, "beginning cannot be read"),
        (sens_header(2, version=3) + GOOD, "version 4: its first number is 3"),
        (b"PK\x03\x04" * 200, "no .sens recording"),
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
