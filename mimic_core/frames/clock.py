"""Clocks of a video: the seconds at which its frames are shown, and which of them become views."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.frames.orientation import AS_STORED, Orientation, quarters_to_upright

SMALL = 64  # pixels of the longer side of the pictures that motion is measured on
MIN_SMALL = 8  # pixels of their shorter side, at least
CLEAR_PEAK = 0.3  # response of phase correlation; unrelated pictures and noise stay below, overlapping ones above
BARE = 1.0  # grey levels, standard deviation: below, a picture shows nothing that could move
_TIME_SLACK = 1e-6  # seconds; time stamps are fractions rounded to floats

BACK = 1.0  # seconds; stamps that go back by less are out of order, by more they start anew
AHEAD = 3600.0  # seconds; no frame is shown for longer, so stamps that go on by more start anew
GAP = 0.3  # seconds without a frame that a container should explain, if they are several frames' as well
GAP_FRAMES = 3
MOST_GAPS = 4  # with more, a video's frames come as they please
RETURN = 1.0  # seconds within which a stamp goes on where another one alone was out of line


class FrameClock:
    """Seconds from the first frame to each frame, in the order of decoding; it never goes back.

    Time stamps that start anew (recordings put together, a counter that overflows) are shifted so that they go on a
    frame after the last one; a single stamp out of line shifts nothing. Frames without a stamp follow at the rate.

    Attributes:
        step: seconds of a frame, by the rate.
        last: seconds of the frame before.
        longest: the longest gap between two frames so far, in seconds.
        seams: seconds at which the stamps start anew.
        unstamped: frames without a stamp.
        gaps: seconds and length of the first gaps that are longer than the frame before them should be shown.
    """

    def __init__(self, rate: float) -> None:
        self.step = 1 / rate
        self.last = self.longest = 0.0
        self.seams: list[float] = []
        self.unstamped = self.frames = 0
        self.gaps: list[tuple[float, float]] = []
        self.shown = 0.0  # how long the frame before should be shown, in seconds
        self.shift: float | None = None  # from stamps to seconds
        self.former: float | None = None  # the shift before the newest seam, until a second stamp is in line with it

    def tick(self, stamp: float | None, shown: float = 0.0) -> float:
        """Seconds of the next frame, whose time stamp this is and which should be shown for so many seconds."""
        seconds = self.last + self.step if self.frames else 0.0
        if stamp is None:
            self.unstamped += 1
        elif self.shift is None:
            self.shift = seconds - stamp
        else:
            seconds = self.placed(stamp, self.shift)
        self.frames += 1
        gap = seconds - self.last
        self.longest = max(self.longest, gap)
        if gap > max(GAP, GAP_FRAMES * max(self.step, self.shown)) and len(self.gaps) < MOST_GAPS:
            self.gaps.append((self.last, gap))
        self.last, self.shown = seconds, shown
        return seconds

    def placed(self, stamp: float, shift: float) -> float:
        """Seconds of a frame with a time stamp."""
        if self.former is not None:
            former, self.former = self.former, None
            if 0 <= stamp + former - self.last <= RETURN:
                self.shift = former
                self.seams.pop()
                return stamp + former
        seconds = stamp + shift
        if self.last - BACK < seconds <= self.last + AHEAD:
            return max(seconds, self.last)
        self.former = shift
        self.shift = self.last + self.step - stamp
        self.seams.append(self.last + self.step)
        return self.last + self.step

    def at(self, stamp: float | None) -> float:
        """About when a packet of that time stamp would be shown."""
        return self.last if stamp is None or self.shift is None else max(0.0, stamp + self.shift)


class Pace(Protocol):
    """Of a video's settings, those that say which frames become views."""

    @property
    def interval(self) -> float:
        """Seconds between two views; 0 takes every frame."""
        ...

    @property
    def max_motion(self) -> float:
        """Share of the picture's width; 0: by time alone."""
        ...


class ViewClock:
    """Says which frames of a video become views.

    By time alone, the view number k is the first frame at or after k x interval. With ``max_motion``, a frame is also
    taken once the picture has moved by that share of its width since the last view; times are then counted from there.
    The motion is the length of the sum of the shifts from each frame to the next, found by phase correlation of grey
    pictures of 64 pixels under a Hanning window. A shift without a clear peak (a cut, a blur, a bare wall) counts as
    none, so that time decides.
    """

    def __init__(self, settings: Pace, turn: int = 0) -> None:
        self.turn = turn
        self.interval, self.max_motion = settings.interval, settings.max_motion
        self.due = 0.0  # seconds at which the next view is taken whatever the motion
        self.origin, self.count = 0.0, 0  # views since the time from which they are counted
        self.shift = np.zeros(2)  # since the last view, shares of the width, right and down
        self.before: NDArray[np.float32] | None = None

    def takes(self, frame: av.VideoFrame, seconds: float, shown: Orientation = AS_STORED) -> bool:
        """Whether this frame, so many seconds after the first, is a view; every frame has to be asked, in order."""
        moved = bool(self.max_motion) and self.motion(frame, shown) >= self.max_motion
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

    def motion(self, frame: av.VideoFrame, shown: Orientation) -> float:
        """How far the picture has moved since the last view, this frame included: a share of its width."""
        now = small_grey(frame)
        if self.before is not None and self.before.shape == now.shape:
            (right, down), clear = cv2.phaseCorrelate(self.before, now, hanning(now.shape))
            if clear > CLEAR_PEAK and min(now.std(), self.before.std()) > BARE:
                sideways = quarters_to_upright(shown, self.turn) % 2  # its width is the stored one's height
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
    centred: NDArray[np.float32] = (grey - grey.mean()).astype(np.float32)
    return centred
