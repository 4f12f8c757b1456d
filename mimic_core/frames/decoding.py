"""Decode the frames of a video track, skip damaged packets and report the damage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.video.stream import VideoStream

from mimic_core.foreign import reason
from mimic_core.frames.clock import FrameClock
from mimic_core.frames.container import OPTIONS, RAW, fault_of_machine
from mimic_core.frames.orientation import AS_STORED, Orientation, orientation

DEFAULT_RATE = 25.0  # frames per second for a stream that states no rate, as in FFmpeg
PLAUSIBLE_RATES = (0.01, 1000.0)  # frames per second; other rates are ignored
MAX_FAILURES_IN_A_ROW = 10_000  # consecutive failed packets after which reading stops
NEAR_RESET = 32  # packets; containers mark the joint of two recordings as damage
MAX_NOTED = 1000  # packets marked as damaged, and timestamp resets, that are recorded


@dataclass
class DamageReport:
    """What was damaged or missing in a video.

    Attributes:
        frames: decoded frames.
        packets: packets sent to the decoder.
        lost: packets that could not be read or decoded.
        damaged: lost packets plus those that the container marks as damaged.
        first: time of the first damaged packet, in seconds.
        bad_frames: frames that the decoder marks as damaged.
        first_bad: time of the first bad frame, in seconds.
        error: message of the first error.
        ended_early: why reading stopped before the end of the file; empty if it did not.
        marked: number and time in seconds of each packet that the container marks as damaged.
        resets: numbers of the packets at which timestamps were reset.
    """

    frames: int = 0
    packets: int = 0
    lost: int = 0
    damaged: int = 0
    first: float = 0.0
    bad_frames: int = 0
    first_bad: float = 0.0
    error: str = ""
    ended_early: str = ""
    marked: list[tuple[int, float]] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)

    def add_lost(self, seconds: float, error: str, count: int = 1) -> None:
        """Count lost packets."""
        self.lost += count
        self.error = self.error or error
        self.add_damaged(seconds, count)

    def add_damaged(self, seconds: float, count: int = 1) -> None:
        """Count damaged packets."""
        if not self.damaged or seconds < self.first:
            self.first = seconds
        self.damaged += count

    def add_marked(self) -> None:
        """Count the packets that the container marks as damaged, except near timestamp resets."""
        for number, seconds in self.marked:
            if not any(number <= reset <= number + NEAR_RESET for reset in self.resets):
                self.add_damaged(seconds)
        self.marked.clear()


class VideoFrames:
    """Iterate over the frames of a video track and the times at which they are shown.

    Packets that cannot be decoded are counted and skipped. Frames come in decoding order, and their times never
    decrease.

    Attributes:
        orientation: orientation of the last frame yielded.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.container, self.stream = container, stream
        self.orientation = AS_STORED
        self.report, self.clock = DamageReport(), FrameClock(rate_of(stream))
        self.generated_timestamps = bool(RAW & set(container.format.name.split(",")))  # by the demuxer
        self.ticks = float(stream.time_base or 0)
        stream.thread_type = "NONE"  # one process per core decodes already; threads would cost time and memory
        context = stream.codec_context
        context.options = OPTIONS
        # The HEVC decoder silently withholds frames that refer to a missing one; output_corrupt returns them, marked
        self.withholds = context.name == "hevc"
        if self.withholds:
            context.flags |= Flags.output_corrupt

    def __iter__(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield each frame and its time in seconds since the first."""
        report, in_a_row = self.report, 0
        for packet in self.packets():
            seconds = self.clock.at(packet.pts * self.ticks if packet.pts is not None else None)
            report.packets += 1
            try:
                frames = packet.decode()
            except Exception as error:
                if fault_of_machine(error):
                    raise
                in_a_row += 1
                report.add_lost(seconds, reason(error))
                if in_a_row >= MAX_FAILURES_IN_A_ROW:
                    report.ended_early = f"{in_a_row:,} damaged packets in a row"
                    return
                continue
            if packet.is_corrupt and len(report.marked) < MAX_NOTED:
                report.marked.append((report.packets, seconds))
            for frame in frames:
                in_a_row = 0
                seconds = self.seconds_of(frame)
                if self.kept(frame, seconds):
                    report.frames += 1
                    self.orientation = self.orientation_of(frame)
                    yield frame, seconds

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """Yield the track's packets, then an empty one; skip those that cannot be read."""
        failed, why = 0, ""
        reading = self.container.demux(self.stream)
        while failed < MAX_FAILURES_IN_A_ROW:
            try:
                packet = next(reading)
            except StopIteration:
                return
            except Exception as error:
                if fault_of_machine(error):
                    raise
                failed, why = failed + 1, reason(error)
                reading = self.container.demux(self.stream)  # resumes after the failed packet
                continue
            if failed and packet.size:
                self.report.add_lost(self.clock.last, why, failed)
            elif failed:
                self.report.ended_early = why
            failed = 0
            yield packet
        self.report.ended_early = why

    def kept(self, frame: av.VideoFrame, seconds: float) -> bool:
        """Return whether to use a frame; count it if it is marked as damaged."""
        if not frame.is_corrupt:
            return True
        if not self.report.bad_frames:
            self.report.first_bad = seconds
        self.report.bad_frames += 1
        return not self.withholds

    def seconds_of(self, frame: av.VideoFrame) -> float:
        """Return the time of a frame in seconds since the first; record timestamp resets."""
        resets = len(self.clock.resets)
        seconds = self.clock.tick(frame.time, (frame.duration or 0) * self.ticks)
        if len(self.clock.resets) > resets and len(self.report.resets) < MAX_NOTED:
            self.report.resets.append(self.report.packets)
        return seconds

    def orientation_of(self, frame: av.VideoFrame) -> Orientation:
        """Return the orientation of a frame; one stated in the stream holds until the next key frame."""
        found = orientation(frame)
        return found or (AS_STORED if frame.key_frame else self.orientation)

    def count_failed(self, error: Exception) -> None:
        """Count the frame just yielded as lost."""
        if fault_of_machine(error):
            raise error
        self.report.frames -= 1
        self.report.add_lost(self.clock.last, reason(error))


def rate_of(stream: VideoStream) -> float:
    """Return the frame rate stated by the stream or its container."""
    for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if rate and PLAUSIBLE_RATES[0] <= rate <= PLAUSIBLE_RATES[1]:
            return float(rate)
    return DEFAULT_RATE
