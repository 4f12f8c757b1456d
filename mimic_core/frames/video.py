"""Views of a video: one every so many seconds, upright."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mimic_core.frames.clock import MOST_GAPS, ViewClock
from mimic_core.frames.container import CANNOT, ENCODE, check_frame, film_of, open_container
from mimic_core.frames.decoding import Account, Film
from mimic_core.frames.faces import face_blur
from mimic_core.frames.lengths import LONGEST, end_is_missing, is_short, length_remark, said_seconds
from mimic_core.frames.orientation import upright
from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.views import Image, Remark, View, to_view_size
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.kit.in_worker import sign_of_life

MICROSECONDS = 1_000_000  # a second, as containers count
MOST_EXPECTED = 10_000_000  # views; a header that promises more is not believed


def video_views(path: Path, settings: VideoSettings, *, turn: int = 0) -> Iterator[View | Remark]:
    """Decode a video and yield its views in order of time, and in the end a remark on what was wrong with it.

    The view at k x interval is the first frame shown at or after that time, or after a motion (:class:`ViewClock`).
    Turns and mirrorings of the metadata are applied. Damaged packets are passed over; a video that breaks off gives the
    views up to there. Where time stamps start anew, as in recordings put together, a new group of views begins.

    Args:
        turn: quarter turns clockwise, on top of the metadata; the bottom is cut off after that.

    Raises:
        UnreadableError: it cannot be opened, holds no picture, is shorter than ``min_seconds`` or has a single view.
    """
    hide_faces = face_blur(settings.blur_faces)
    clock = ViewClock(settings, turn)
    count, turned = 0, ""
    with open_container(path) as (container, file):
        track, others = film_of(container, path)
        film = Film(container, track)
        for frame, seconds in film:
            sign_of_life()
            check_frame(frame.width, frame.height, path)
            try:
                if not clock.takes(frame, seconds, film.shown):
                    continue
                turned = turned or film.shown.remark
                image, faces = hide_faces(upright(frame, turn, film.shown))
            except MimicError:
                raise
            except Exception as error:
                film.spoil(error)
                continue
            count += 1
            image = without_bottom(image, settings.crop_bottom)
            view = to_view_size(image, settings.resize)
            yield View(view, time=seconds, faces=faces, group=len(film.clock.seams))
        film.account.settle()
        if count < 2 and film.account.error:
            raise UnreadableError(f"{CANNOT} ({film.account.error})", where=path, remedy=ENCODE)
        check_length(path, count, film.clock.last, settings)
        left_out = f"{others} other video track{'s' if others > 1 else ''} left out" if others else ""
        said, exact = said_seconds(container, track, file)
        reached = film.clock.last + film.clock.step
        short = length_remark(reached, said) if is_short(reached, said, exact, film.clock.longest) else ""
        if not short and end_is_missing(container.format.name, file):
            short = "its end is missing"
        remarks = [*damage_remarks(film.account, track.frames), short, *clock_remarks(film), turned, left_out]
    if any(remarks):
        yield Remark("; ".join(remark for remark in remarks if remark))


def damage_remarks(account: Account, stated: int) -> Iterator[str]:
    """What to say of damage.

    Args:
        stated: frames by the header, 0 where it says nothing.
    """
    if not account.damaged and not account.bad_frames:
        if account.ended_early:
            yield f"breaks off ({account.ended_early})"
        return
    whole = max(stated, account.frames + account.lost)
    parts = [f"{account.frames:,} of {whole:,} frames"] if whole > account.frames else []
    parts += counted(account.damaged, "damaged packet", account.first)
    if account.bad_frames > account.damaged:  # otherwise they are those of the damaged packets
        parts += counted(account.bad_frames, "damaged frame", account.first_bad)
    yield ", ".join(parts)


def counted(count: int, what: str, first: float) -> list[str]:
    """So many, and where; nothing of none."""
    if not count:
        return []
    return [f"1 {what} at {first:.1f} s" if count == 1 else f"{count:,} {what}s from {first:.1f} s on"]


def clock_remarks(film: Film) -> Iterator[str]:
    """What to say of time stamps."""
    clock = film.clock
    if film.invented or clock.unstamped > clock.frames / 2:
        yield f"no time stamps: taken at {1 / clock.step:.4g} frames a second"
    if clock.seams:
        times = f" {len(clock.seams)} times, first" if len(clock.seams) > 1 else ""
        yield f"time stamps start anew{times} at {clock.seams[0]:.1f} s"
    if len(clock.gaps) < MOST_GAPS and clock.frames > 10 * len(clock.gaps) and not film.account.damaged:
        for seconds, length in clock.gaps:
            yield f"no frames for {length:.1f} s after {seconds:.1f} s"


def expected_views(path: Path, interval: float) -> int:
    """About how many views a video gives, by what its header says; 1 where it says nothing."""
    try:
        with open_container(path) as (container, _):
            track, _ = film_of(container, path)
            seconds = (container.duration or 0) / MICROSECONDS
            return min(MOST_EXPECTED, max(1, round(seconds / interval) if interval else track.frames))
    except (MimicError, OSError):
        return 1


def video_seconds(path: Path) -> float:
    """Length of a video as its container has it; 0 of one that cannot be opened."""
    try:
        with open_container(path) as (container, _):
            return min(LONGEST, max(0.0, (container.duration or 0) / MICROSECONDS))
    except (MimicError, OSError):
        return 0.0


def check_length(path: Path, views: int, seconds: float, settings: VideoSettings) -> None:
    """Raise where a video is too short to give a pair."""
    if views == 0:
        raise UnreadableError("a video without a frame that can be decoded", where=path, remedy=ENCODE)
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
    """The picture (H, W, 3) without the lowest share of its height; at least one row stays."""
    return image[: max(1, image.shape[0] - round(share * image.shape[0]))]
