"""Compute when each frame of a video is shown and which frames become views."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.frames.orientation import AS_STORED, Orientation, quarters_to_upright

MOTION_SIDE = 64  # pixels; longer side of the frames on which motion is measured
MIN_MOTION_SIDE = 8  # pixels; their shorter side is at least this
MIN_PEAK = 0.3  # phase correlation response; unrelated images and noise stay below, overlapping images above
MIN_CONTRAST = 1.0  # standard deviation in grey levels; below it an image is too plain to measure motion
_TIME_SLACK = 1e-6  # seconds; timestamps are fractions rounded to floats

MAX_BACK = 1.0  # seconds; timestamps that go back by less are out of order, by more they were reset
MAX_AHEAD = 3600.0  # seconds; timestamps that jump ahead by more were reset
MIN_GAP = 0.3  # seconds; a gap is reported if it is longer than this and than MIN_GAP_FRAMES frames
MIN_GAP_FRAMES = 3
MAX_GAPS = 4  # with this many, the frame rate is taken to be irregular and gaps are not reported
MAX_RETURN = 1.0  # seconds; a timestamp this close to the old sequence shows that the one before was an outlier


class FrameClock:
    """Convert timestamps, in decoding order, to seconds since the first frame that never decrease.

    When timestamps are reset (concatenated recordings, counter overflow), they are shifted to continue one frame after
    the last one. A single outlier shifts nothing. Frames without a timestamp follow at the frame rate.

    Attributes:
        step: duration of a frame at the frame rate, in seconds.
        last: time of the previous frame, in seconds.
        longest: longest gap between two frames so far, in seconds.
        resets: times at which timestamps were reset, in seconds.
        unstamped: number of frames without a timestamp.
        gaps: start and length, in seconds, of the first gaps that the duration of the frame before does not explain.
    """

    def __init__(self, rate: float) -> None:
        self.step = 1 / rate
        self.last = self.longest = 0.0
        self.resets: list[float] = []
        self.unstamped = self.frames = 0
        self.gaps: list[tuple[float, float]] = []
        self.duration = 0.0  # stated duration of the previous frame, in seconds
        self.shift: float | None = None  # from timestamps to seconds
        self.previous_shift: float | None = None  # before the latest reset, until a second timestamp confirms it

    def tick(self, stamp: float | None, duration: float = 0.0) -> float:
        """Return the time of the next frame in seconds, given its timestamp and stated duration in seconds."""
        seconds = self.last + self.step if self.frames else 0.0
        if stamp is None:
            self.unstamped += 1
        elif self.shift is None:
            self.shift = seconds - stamp
        else:
            seconds = self.place(stamp, self.shift)
        self.frames += 1
        gap = seconds - self.last
        self.longest = max(self.longest, gap)
        if gap > max(MIN_GAP, MIN_GAP_FRAMES * max(self.step, self.duration)) and len(self.gaps) < MAX_GAPS:
            self.gaps.append((self.last, gap))
        self.last, self.duration = seconds, duration
        return seconds

    def place(self, stamp: float, shift: float) -> float:
        """Return the time in seconds of a frame with a timestamp; detect resets."""
        if self.previous_shift is not None:
            previous, self.previous_shift = self.previous_shift, None
            if 0 <= stamp + previous - self.last <= MAX_RETURN:
                self.shift = previous
                self.resets.pop()
                return stamp + previous
        seconds = stamp + shift
        if self.last - MAX_BACK < seconds <= self.last + MAX_AHEAD:
            return max(seconds, self.last)
        self.previous_shift = shift
        self.shift = self.last + self.step - stamp
        self.resets.append(self.last + self.step)
        return self.last + self.step

    def at(self, stamp: float | None) -> float:
        """Estimate the time in seconds of a packet with this timestamp."""
        return self.last if stamp is None or self.shift is None else max(0.0, stamp + self.shift)


class SamplingSettings(Protocol):
    """The settings of a video that decide which frames become views."""

    @property
    def interval(self) -> float:
        """Seconds between views; 0 takes every frame."""
        ...

    @property
    def max_motion(self) -> float:
        """Motion that triggers a view, as a share of the image width; 0 disables it."""
        ...


class ViewClock:
    """Select the frames of a video that become views.

    By time alone, view k is the first frame at or after k x interval. With ``max_motion``, a frame is also taken once
    the image has moved by that share of its width since the last view; times are then counted from that frame. Motion
    is the length of the summed shifts between consecutive frames, measured by phase correlation of 64-pixel grey frames
    under a Hanning window. A shift without a clear peak (cut, blur, plain wall) counts as zero, so that time decides.
    """

    def __init__(self, settings: SamplingSettings, turn: int = 0) -> None:
        self.turn = turn
        self.interval, self.max_motion = settings.interval, settings.max_motion
        self.due = 0.0  # seconds at which the next view is taken regardless of motion
        self.origin, self.count = 0.0, 0  # start of counting in seconds, and views since then
        self.shift = np.zeros(2)  # right and down since the last view, as shares of the width
        self.before: NDArray[np.float32] | None = None

    def takes(self, frame: av.VideoFrame, seconds: float, orientation: Orientation = AS_STORED) -> bool:
        """Return whether a frame, ``seconds`` after the first, becomes a view; call it for every frame in order."""
        moved = bool(self.max_motion) and self.motion(frame, orientation) >= self.max_motion
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

    def motion(self, frame: av.VideoFrame, orientation: Orientation) -> float:
        """Return how far the image has moved since the last view, up to this frame, as a share of its width."""
        now = small_grey(frame)
        if self.before is not None and self.before.shape == now.shape:
            (right, down), clear = cv2.phaseCorrelate(self.before, now, hanning(now.shape))
            if clear > MIN_PEAK and min(now.std(), self.before.std()) > MIN_CONTRAST:
                sideways = quarters_to_upright(orientation, self.turn) % 2  # upright width is stored height
                self.shift += np.array([right, down]) / now.shape[0 if sideways else 1]
        self.before = now
        return float(np.hypot(*self.shift))


@cache
def hanning(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the Hanning window for an image of this height and width."""
    return np.asarray(cv2.createHanningWindow(shape[::-1], cv2.CV_32F))


def small_grey(frame: av.VideoFrame) -> NDArray[np.float32]:
    """Return a frame as stored, in grey and mean-centred, with a longer side of 64 pixels."""
    scale = MOTION_SIDE / max(frame.width, frame.height)
    width, height = (max(MIN_MOTION_SIDE, round(side * scale)) for side in (frame.width, frame.height))
    grey = frame.reformat(width=width, height=height, format="gray", interpolation="AREA").to_ndarray()
    centred: NDArray[np.float32] = (grey - grey.mean()).astype(np.float32)
    return centred
