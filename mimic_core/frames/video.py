"""Views of a video: one every so many seconds, upright."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from mimic_core.errors import UnreadableError
from mimic_core.frames.faces import face_blur
from mimic_core.frames.views import Image, ResizeMode, View, to_view_size

log = logging.getLogger("mimic")

_TIME_SLACK = 1e-6  # seconds; time stamps are fractions rounded to floats


@dataclass(frozen=True)
class VideoSettings:
    """How a video becomes views.

    Attributes:
        interval: seconds between two views; 0 takes every frame.
        min_seconds: shorter videos are left out (paper appendix C.1: 5 s for ARKitScenes, 3 s for Mannequin).
        resize: ``squash`` or ``center_crop``.
        blur_faces: file of the face detector, ``auto`` for the packaged one, or empty: faces stay as they are.
    """

    interval: float = 1.0
    min_seconds: float = 0.0
    resize: ResizeMode = "squash"
    blur_faces: str = ""


def video_views(path: Path, settings: VideoSettings) -> Iterator[View]:
    """Decode a video and yield its views in order of time.

    The view at k x interval is the first frame shown at or after that time. Rotation metadata is applied. A video
    that breaks off gives the views up to there, with a warning.

    Raises:
        UnreadableError: it cannot be opened, holds no picture, is shorter than ``min_seconds`` or has a single view.
    """
    count, last = 0, 0.0
    hide_faces = face_blur(settings.blur_faces)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UnreadableError("a video file without a video track", where=path, remedy="remove the file")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"  # a process a core decodes its own video; threads would cost, and hold, more
            start = None
            for frame in container.decode(stream):
                seconds = frame.time if frame.time is not None else count * settings.interval
                start = seconds if start is None else start
                last = seconds - start
                if last + _TIME_SLACK < count * settings.interval:
                    continue
                image, faces = hide_faces(upright(frame)) if hide_faces else (upright(frame), 0)
                yield View(to_view_size(image, settings.resize), time=last, faces=faces)
                count = (
                    max(count + 1, int(last / settings.interval + _TIME_SLACK) + 1) if settings.interval else count + 1
                )
    except (av.FFmpegError, ValueError) as error:
        if count < 2:
            raise UnreadableError(
                f"a video that cannot be decoded ({error})", where=path, remedy="encode it anew, or remove it"
            ) from error
        log.warning("%s breaks off after %.1f s (%s); its views up to there are used", path, last, error)
    check_length(path, count, last, settings)


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


def upright(frame: av.VideoFrame) -> Image:
    """RGB pixels (H, W, 3) of a frame, turned as its rotation metadata says."""
    image: Image = frame.to_ndarray(format="rgb24")
    quarter_turns = round(frame.rotation / 90) % 4  # degrees, counter-clockwise
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image
