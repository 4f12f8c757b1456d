"""Views of a video: one every so many seconds, upright."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.errors import UnreadableError
from mimic_core.frames.faces import face_blur
from mimic_core.frames.views import RESIZES, Image, ResizeMode, View, to_view_size
from mimic_core.settings import BELOW_ONE, NOT_NEGATIVE, check_choice, check_numbers

log = logging.getLogger("mimic")

SMALL = 64  # pixels of the longer side of the pictures that motion is measured on
MIN_SMALL = 8  # pixels of their shorter side, at least
CLEAR_PEAK = 0.3  # response of phase correlation; unrelated pictures and noise stay below, overlapping ones above
BARE = 1.0  # grey levels, standard deviation: below, a picture shows nothing that could move
_TIME_SLACK = 1e-6  # seconds; time stamps are fractions rounded to floats


@dataclass(frozen=True)
class VideoSettings:
    """How a video becomes views.

    Attributes:
        interval: seconds between two views; 0 takes every frame.
        min_seconds: shorter videos are left out (paper appendix C.1: 5 s for ARKitScenes, 3 s for Mannequin).
        resize: ``squash`` or ``center_crop``.
        blur_faces: file of the face detector, ``auto`` for the packaged one, or empty: faces stay as they are.
        crop_bottom: share of the upright picture's height that is cut off below, 0 to below 1.
        max_motion: share of the picture's width; once it has moved so far since the last view, the next is taken
            before ``interval`` is over. 0: by time alone.
    """

    interval: float = 1.0
    min_seconds: float = 0.0
    resize: ResizeMode = "squash"
    blur_faces: str = ""
    crop_bottom: float = 0.0
    max_motion: float = 0.0

    def __post_init__(self) -> None:
        bounds = dict.fromkeys(("interval", "min_seconds", "max_motion"), NOT_NEGATIVE)
        check_numbers(self, "frames", **bounds, crop_bottom=BELOW_ONE)
        check_choice(self, "frames", resize=RESIZES)


def video_views(path: Path, settings: VideoSettings, *, turn: int = 0) -> Iterator[View]:
    """Decode a video and yield its views in order of time.

    The view at k x interval is the first frame shown at or after that time, or after a motion (:class:`ViewClock`).
    Rotation metadata is applied. A video that breaks off gives the views up to there, with a warning.

    Args:
        turn: quarter turns clockwise, on top of the metadata; the bottom is cut off after that.

    Raises:
        UnreadableError: it cannot be opened, holds no picture, is shorter than ``min_seconds`` or has a single view.
    """
    count, last = 0, 0.0
    hide_faces = face_blur(settings.blur_faces)
    clock = ViewClock(settings, turn)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UnreadableError("a video file without a video track", where=path, remedy="remove the file")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"  # a process a core decodes its own video; threads would cost, and hold, more
            start = None
            for frame in container.decode(stream):
                seconds = frame.time if frame.time is not None else (start or 0.0) + clock.due
                start = seconds if start is None else start
                last = seconds - start
                if not clock.takes(frame, last):
                    continue
                count += 1
                image, faces = hide_faces(upright(frame, turn))
                image = without_bottom(image, settings.crop_bottom)
                yield View(to_view_size(image, settings.resize), time=last, faces=faces)
    except (av.FFmpegError, ValueError) as error:
        if count < 2:
            raise UnreadableError(
                f"a video that cannot be decoded ({error})", where=path, remedy="encode it anew, or remove it"
            ) from error
        log.warning("%s breaks off after %.1f s (%s); its views up to there are used", path, last, error)
    check_length(path, count, last, settings)


class ViewClock:
    """Says which frames of a video become views.

    By time alone, the view number k is the first frame at or after k x interval. With ``max_motion``, a frame is also
    taken once the picture has moved by that share of its width since the last view; times are then counted from there.
    The motion is the length of the sum of the shifts from each frame to the next, found by phase correlation of grey
    pictures of 64 pixels under a Hanning window. A shift without a clear peak (a cut, a blur, a bare wall) counts as
    none, so that time decides.
    """

    def __init__(self, settings: VideoSettings, turn: int = 0) -> None:
        self.turn = turn
        self.interval, self.max_motion = settings.interval, settings.max_motion
        self.due = 0.0  # seconds at which the next view is taken whatever the motion
        self.origin, self.count = 0.0, 0  # views since the time from which they are counted
        self.shift = np.zeros(2)  # since the last view, shares of the width, right and down
        self.before: NDArray[np.float32] | None = None

    def takes(self, frame: av.VideoFrame, seconds: float) -> bool:
        """Whether this frame, so many seconds after the first, is a view; every frame has to be asked, in order."""
        moved = bool(self.max_motion) and self.motion(frame) >= self.max_motion
        if seconds + _TIME_SLACK >= self.due:
            passed = int((seconds - self.origin) / self.interval + _TIME_SLACK) if self.interval else 0
            self.count = max(self.count + 1, passed + 1)
        elif moved:
            self.origin, self.count = seconds, 1
        else:
            return False
        self.due = self.origin + self.count * self.interval
        self.shift[:] = 0
        return True

    def motion(self, frame: av.VideoFrame) -> float:
        """How far the picture has moved since the last view, this frame included: a share of its width."""
        now = small_grey(frame)
        if self.before is not None and self.before.shape == now.shape:
            (right, down), clear = cv2.phaseCorrelate(self.before, now, hanning(now.shape))
            if clear > CLEAR_PEAK and min(now.std(), self.before.std()) > BARE:
                sideways = quarters(frame, self.turn) % 2  # then the upright picture's width is the stored one's height
                self.shift += np.array([right, down]) / now.shape[0 if sideways else 1]
        self.before = now
        return float(np.hypot(*self.shift))


@cache
def hanning(shape: tuple[int, int]) -> NDArray[np.float32]:
    """The window of a picture of that height and width."""
    return np.asarray(cv2.createHanningWindow(shape[::-1], cv2.CV_32F))


def small_grey(frame: av.VideoFrame) -> NDArray[np.float32]:
    """A frame as stored, in grey, about its mean: the longer side has 64 pixels."""
    scale = SMALL / max(frame.width, frame.height)
    width, height = (max(MIN_SMALL, round(side * scale)) for side in (frame.width, frame.height))
    grey = frame.reformat(width=width, height=height, format="gray", interpolation="AREA").to_ndarray()
    return (grey - grey.mean()).astype(np.float32)


def expected_views(path: Path, interval: float) -> int:
    """About how many views a video gives, by what its header says; 1 where it says nothing."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            seconds = (container.duration or 0) / av.time_base
            return max(1, round(seconds / interval) if interval else stream.frames)
    except (av.FFmpegError, IndexError, ValueError, OSError):
        return 1


def check_length(path: Path, views: int, seconds: float, settings: VideoSettings) -> None:
    """Raise where a video is too short to give a pair."""
    if views < 2:
        raise UnreadableError(
            f"a video that gives {views} of the two views that a pair needs, at one every {settings.interval:g} s",
            where=path,
            remedy="lower the source's interval, or remove the file",
        )
    if seconds < settings.min_seconds:
        raise UnreadableError(
            f"a video of {seconds:.1f} s, shorter than min_seconds = {settings.min_seconds:g}",
            where=path,
            remedy="lower the source's min_seconds, or remove the file",
        )


def upright(frame: av.VideoFrame, turn: int = 0) -> Image:
    """RGB pixels (H, W, 3) of a frame, turned as its rotation metadata says and ``turn`` quarters clockwise on top."""
    image: Image = frame.to_ndarray(format="rgb24")
    quarter_turns = quarters(frame, turn)
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def quarters(frame: av.VideoFrame, turn: int) -> int:
    """Quarter turns counter-clockwise, 0 to 3, by the metadata (degrees counter-clockwise) less ``turn`` clockwise."""
    return (round(frame.rotation / 90) - turn) % 4


def without_bottom(image: Image, share: float) -> Image:
    """The picture (H, W, 3) without the lowest share of its height; at least one row stays."""
    return image[: max(1, image.shape[0] - round(share * image.shape[0]))]
