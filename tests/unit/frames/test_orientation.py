"""Frames are shown as their metadata says: turned, mirrored, or both."""

import struct
from itertools import product

import av
import cv2
import numpy as np
import pytest
from films import SIZE, encode, pan, read

from mimic_core.frames.orientation import AS_STORED, of_matrix, orientation, upright
from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.video import video_views

WIDTH, HEIGHT = SIZE
COLOURS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "-": (255, 255, 255)}


def marked(seconds=2.0):
    """A film with a corner of each colour: red, green / blue, white."""
    pictures = pan(seconds)
    for picture in pictures:
        corners = (slice(0, 30), slice(0, 40)), (slice(0, 30), slice(-40, None))
        corners += (slice(-30, None), slice(0, 40)), (slice(-30, None), slice(-40, None))
        for (rows, columns), colour in zip(corners, COLOURS.values(), strict=True):
            picture[rows, columns] = colour
    return pictures


def corners(image):
    """Letters of the corners: top left, top right, bottom left, bottom right."""
    places = product((8, -8), (8, -8))
    return " ".join(
        min(COLOURS, key=lambda name: float(np.abs(image[y, x].astype(int) - COLOURS[name]).sum())) for y, x in places
    )


def matrix(a, b, c, d, x=0, y=0):
    """A display matrix in fixed point."""
    return [round(value * (1 << 16)) for value in (a, b, 0, c, d, 0, x, y)] + [1 << 30]


SHOWN = {
    "plain": ((1, 0, 0, 1), "R G B -"),
    "mirrored left to right": ((-1, 0, 0, 1), "G R - B"),
    "mirrored top to bottom": ((1, 0, 0, -1), "B - R G"),
    "half a turn": ((-1, 0, 0, -1), "- B G R"),
    "a quarter clockwise": ((0, 1, -1, 0), "B R - G"),
    "a quarter counter-clockwise": ((0, -1, 1, 0), "G - R B"),
    "transposed": ((0, 1, 1, 0), "R B G -"),
    "transposed the other way": ((0, -1, -1, 0), "- G B R"),
}


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_every_turn_and_mirroring_of_a_display_matrix_is_followed(tmp_path, name, suffix):
    numbers, shown = SHOWN[name]
    path = encode(tmp_path / f"a.{suffix}", marked(), matrix=matrix(*numbers))
    views, remarks = read(path)
    assert corners(views[0].image) == shown
    assert remarks == []
    # the matrix says where a point is shown: (x, y) at (a x + c y, b x + d y)
    a, b, c, d = numbers
    stored = {"R": (-1, -1), "G": (1, -1), "B": (-1, 1), "-": (1, 1)}
    placed = {(a * x + c * y, b * x + d * y): letter for letter, (x, y) in stored.items()}
    assert " ".join(placed[place] for place in [(-1, -1), (1, -1), (-1, 1), (1, 1)]) == shown


def test_matroska_turns_and_mirrors_by_its_projection(tmp_path):
    for name in ("half a turn", "a quarter clockwise", "mirrored left to right"):
        numbers, shown = SHOWN[name]
        path = encode(tmp_path / "a.mkv", marked(), matrix=matrix(*numbers))
        assert corners(read(path)[0][0].image) == shown, name


@pytest.mark.parametrize(("flip", "shown"), [("horizontal", "G R - B"), ("vertical", "B - R G")])
def test_a_message_in_the_stream_mirrors_until_the_next_key_frame(tmp_path, flip, shown):
    path = encode(tmp_path / "a.ts", marked(), filtered=f"h264_metadata=display_orientation=insert:flip={flip}")
    assert [corners(view.image) for view in read(path)[0]] == [shown] * 2


def test_a_message_in_hevc_mirrors(tmp_path):
    path = encode(tmp_path / "a.hevc", marked(), "libx265", kind="hevc")
    data = path.read_bytes()
    slices = min(place for kind in (19, 20) if (place := data.find(bytes([0, 0, 1, kind << 1, 1]))) >= 0)
    message = bytes([0, 0, 1, 39 << 1, 1, 47, 3, 0x40, 0x00, 0x18, 0x80])  # left to right, until further notice
    path.write_bytes(data[:slices] + message + data[slices:])
    assert [corners(view.image) for view in read(path)[0]] == ["G R - B"] * 2


def test_an_orientation_that_changes_within_a_video_is_followed(tmp_path):
    parts = [
        encode(tmp_path / f"{number}.ts", marked(), filtered=text)
        for number, text in enumerate(["", "h264_metadata=display_orientation=insert:flip=vertical"])
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    views, _ = read(path)
    assert [corners(view.image) for view in views] == ["R G B -"] * 2 + ["B - R G"] * 2


def test_a_source_turns_what_the_file_itself_does_not(tmp_path):
    path = encode(tmp_path / "a.mp4", marked())
    shown = [corners(next(iter(video_views(path, VideoSettings(), turn=turn))).image) for turn in range(4)]
    assert shown == ["R G B -", "B R - G", "- B G R", "G - R B"]


@pytest.mark.parametrize("given", [(-1, 0, 0, -1), (0, 1, -1, 0), (-1, 0, 0, 1)])
def test_nothing_is_turned_twice(tmp_path, given):
    path = encode(tmp_path / "a.mp4", marked(), matrix=matrix(*given))
    shown = {corners(next(iter(video_views(path, VideoSettings(), turn=turn))).image) for turn in range(4)}
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("degrees", "quarters", "remark"),
    [(0.5, 0, ""), (-90.4, 1, ""), (30, 0, "turned by 30 degrees"), (100, 3, "100 degrees"), (-60, 1, "300 degrees")],
)
def test_other_turns_are_taken_at_the_nearest_quarter_and_remarked(degrees, quarters, remark):
    angle = np.radians(degrees)
    numbers = matrix(np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle))
    found = of_matrix(struct.pack("=9i", *numbers))
    assert (found.quarters, found.mirrored) == (quarters, False)
    assert remark in found.remark
    assert bool(remark) == bool(found.remark)


def test_a_skewed_film_is_read_with_a_remark(tmp_path):
    path = encode(tmp_path / "a.mp4", marked(), matrix=matrix(0.866, 0.5, -0.5, 0.866))
    views, remarks = read(path)
    assert corners(views[0].image) == "R G B -"
    assert remarks == ["turned by 30 degrees; used the nearest quarter turn, 0"]


@pytest.mark.parametrize("numbers", [[0] * 9, [65536, 0, 0, 65536, 0, 0, 0, 0, 1 << 30]])
def test_a_matrix_without_an_orientation_leaves_the_picture_as_it_is_stored(numbers):
    found = of_matrix(struct.pack("=9i", *numbers))
    assert (found.quarters, found.mirrored) == (AS_STORED.quarters, AS_STORED.mirrored)
    assert "display matrix" in found.remark


def test_scaled_pixels_are_no_turn():
    assert of_matrix(struct.pack("=9i", *matrix(2, 0, 0, 0.5))) == AS_STORED


def test_looking_at_the_orientation_keeps_no_frame_in_memory(tmp_path):
    import gc
    import weakref

    path = encode(tmp_path / "a.mp4", marked(1), matrix=matrix(-1, 0, 0, 1))
    gc.disable()
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            assert (orientation(frame) or AS_STORED).mirrored
            image = upright(frame)
            held = weakref.ref(image)
            references = len(gc.get_referrers(frame))
        del image
        assert held() is None
        assert references <= 1
    finally:
        gc.enable()


def test_motion_follows_the_shown_width(tmp_path):
    stripes = [cv2.copyMakeBorder(picture, 0, 40, 0, 0, cv2.BORDER_REFLECT) for picture in pan(2)]
    path = encode(tmp_path / "a.mp4", stripes, matrix=matrix(0, 1, 1, 0))
    plain = encode(tmp_path / "b.mp4", stripes)
    # 6 pixels a frame: of 160 across in the one, of 160 down in the other, whose width is 160
    assert len(read(path, interval=9.0, max_motion=0.3)[0]) == len(read(plain, interval=9.0, max_motion=0.3)[0])
