"""Views of a video, sampled by time or motion, upright."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mimic_core.frames.clock import MAX_GAPS, ViewClock
from mimic_core.frames.container import CANNOT_DECODE, REENCODE, check_frame, open_container, select_track
from mimic_core.frames.decoding import DamageReport, VideoFrames
from mimic_core.frames.faces import face_blur
from mimic_core.frames.lengths import LONGEST, end_is_missing, is_short, length_remark, stated_seconds
from mimic_core.frames.orientation import upright
from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.views import Image, Remark, View, to_view_size
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.kit.in_worker import sign_of_life

MICROSECONDS = 1_000_000  # per second; containers state durations in microseconds
MAX_EXPECTED = 10_000_000  # views; bounds what a header can claim


def video_views(path: Path, settings: VideoSettings, *, turn: int = 0) -> Iterator[View | Remark]:
    """Decode a video; yield its views in order of time and, at the end, a remark if something was wrong with it.

    View k is the first frame shown at or after k x interval, or after enough motion (:class:`ViewClock`). Rotation and
    mirroring in the metadata are applied. Damaged packets are skipped; a truncated video gives the views up to its end.
    Each timestamp reset, as in concatenated recordings, starts a new group of views.

    Args:
        turn: quarter turns clockwise, if the metadata turn nothing; the bottom is cropped after turning.

    Raises:
        UnreadableError: it cannot be opened, has no frames, is shorter than ``min_seconds`` or gives a single view.
    """
    hide_faces = face_blur(settings.blur_faces)
    clock = ViewClock(settings, turn)
    count, turned = 0, ""
    with open_container(path) as (container, file):
        track, others = select_track(container, path)
        frames = VideoFrames(container, track)
        for frame, seconds in frames:
            sign_of_life()
            check_frame(frame.width, frame.height, path)
            try:
                if not clock.takes(frame, seconds, frames.orientation):
                    continue
                turned = turned or frames.orientation.remark
                image, faces = hide_faces(upright(frame, turn, frames.orientation))
            except MimicError:
                raise
            except Exception as error:
                frames.count_failed(error)
                continue
            count += 1
            image = without_bottom(image, settings.crop_bottom)
            view = to_view_size(image, settings.resize)
            yield View(view, time=seconds, faces=faces, group=len(frames.clock.resets))
        frames.report.add_marked()
        if count < 2 and frames.report.error:
            raise UnreadableError(f"{CANNOT_DECODE} ({frames.report.error})", where=path, remedy=REENCODE)
        check_views(path, count, frames.clock.last, settings)
        left_out = f"{others} other video track{'s' if others > 1 else ''} left out" if others else ""
        stated, exact = stated_seconds(container, track, file)
        actual = frames.clock.last + frames.clock.step
        short = length_remark(actual, stated) if is_short(actual, stated, exact, frames.clock.longest) else ""
        if not short and end_is_missing(container.format.name, file):
            short = "its end is missing"
        remarks = [*damage_remarks(frames.report, track.frames), short, *clock_remarks(frames), turned, left_out]
    if any(remarks):
        yield Remark("; ".join(remark for remark in remarks if remark))


def damage_remarks(report: DamageReport, stated: int) -> Iterator[str]:
    """Yield a remark on damage, if there is any.

    Args:
        stated: number of frames that the header states; 0 if it states none.
    """
    if not report.damaged and not report.bad_frames:
        if report.ended_early:
            yield f"breaks off ({report.ended_early})"
        return
    whole = max(stated, report.frames + report.lost)
    parts = [f"{report.frames:,} of {whole:,} frames"] if whole > report.frames else []
    parts += counted(report.damaged, "damaged packet", report.first)
    if report.bad_frames > report.damaged:  # otherwise they come from the damaged packets
        parts += counted(report.bad_frames, "damaged frame", report.first_bad)
    yield ", ".join(parts)


def counted(count: int, what: str, first: float) -> list[str]:
    """Format a count and the time of the first in seconds; return an empty list for a count of 0."""
    if not count:
        return []
    return [f"1 {what} at {first:.1f} s" if count == 1 else f"{count:,} {what}s from {first:.1f} s on"]


def clock_remarks(frames: VideoFrames) -> Iterator[str]:
    """Yield remarks on timestamps."""
    clock = frames.clock
    if frames.generated_timestamps or clock.unstamped > clock.frames / 2:
        yield f"no timestamps: read at {1 / clock.step:.4g} frames per second"
    if clock.resets:
        times = f" {len(clock.resets)} times, first" if len(clock.resets) > 1 else ""
        yield f"timestamps restart{times} at {clock.resets[0]:.1f} s"
    if len(clock.gaps) < MAX_GAPS and clock.frames > 10 * len(clock.gaps) and not frames.report.damaged:
        for seconds, length in clock.gaps:
            yield f"no frames for {length:.1f} s after {seconds:.1f} s"


def expected_views(path: Path, interval: float) -> int:
    """Estimate how many views a video gives, from its header; 1 if the header does not say."""
    try:
        with open_container(path) as (container, _):
            track, _ = select_track(container, path)
            seconds = (container.duration or 0) / MICROSECONDS
            return min(MAX_EXPECTED, max(1, round(seconds / interval) if interval else track.frames))
    except (MimicError, OSError):
        return 1


def video_seconds(path: Path) -> float:
    """Return the length of a video in seconds as its container states it; 0 if it cannot be opened."""
    try:
        with open_container(path) as (container, _):
            return min(LONGEST, max(0.0, (container.duration or 0) / MICROSECONDS))
    except (MimicError, OSError):
        return 0.0


def check_views(path: Path, views: int, seconds: float, settings: VideoSettings) -> None:
    """Raise :class:`UnreadableError` if a video gives fewer than two views or is shorter than ``min_seconds``."""
    if views == 0:
        raise UnreadableError("a video without any frame that can be decoded", where=path, remedy=REENCODE)
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


def without_bottom(image: Image, share: float) -> Image:
    """Crop a share of the height off the bottom of an image (H, W, 3); keep at least one row."""
    return image[: max(1, image.shape[0] - round(share * image.shape[0]))]
