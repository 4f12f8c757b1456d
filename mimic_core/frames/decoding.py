"""Frames of a video track, past what is damaged, and an account of what was missing."""

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

RATE = 25.0  # frames a second of a stream that says nothing, as FFmpeg has it
RATES = (0.01, 1000.0)  # frames a second that are believed
MOST_IN_A_ROW = 10_000  # packets that give no frame, one after the other: then the rest is given up
NEAR_SEAM = 32  # packets: a container marks the joint of two recordings as damage
KEPT_DAMAGES = 1000


@dataclass
class Account:
    """What was damaged or missing in a video.

    Attributes:
        frames: how many were decoded.
        packets: how many went to the decoder.
        lost: packets that could not be read or decoded.
        damaged: these, and those that their container marks as damaged.
        first: seconds of the first of these.
        bad_frames: frames that their decoder marks as damaged, though their packets are not.
        first_bad: seconds of the first of these.
        error: what the first damage was.
        ended_early: why reading ended before the file did; empty where it did not.
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
    marked: list[tuple[int, float]] = field(default_factory=list)  # number of the packet, seconds
    seams: list[int] = field(default_factory=list)  # packets at which time stamps started anew

    def lose(self, seconds: float, error: str, count: int = 1) -> None:
        """Count lost packets."""
        self.lost += count
        self.error = self.error or error
        self.damage(seconds, count)

    def damage(self, seconds: float, count: int = 1) -> None:
        """Count damaged packets."""
        if not self.damaged or seconds < self.first:
            self.first = seconds
        self.damaged += count

    def settle(self) -> None:
        """Count the packets that their container marks as damaged, other than where recordings were put together."""
        for number, seconds in self.marked:
            if not any(number <= seam <= number + NEAR_SEAM for seam in self.seams):
                self.damage(seconds)
        self.marked.clear()


class Film:
    """The frames of a video track with the seconds at which they are shown.

    A packet that cannot be decoded is counted and the next one is taken. Frames are given in the order of decoding by a
    clock that never goes back.

    Attributes:
        shown: the orientation of the frame that was given last.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.container, self.stream = container, stream
        self.shown = AS_STORED
        self.account, self.clock = Account(), FrameClock(rate_of(stream))
        self.invented = bool(RAW & set(container.format.name.split(",")))  # a demuxer's stamps, not the recording's
        self.ticks = float(stream.time_base or 0)
        stream.thread_type = "NONE"  # a process a core decodes its own video; threads would cost, and hold, more
        context = stream.codec_context
        context.options = OPTIONS
        # This decoder keeps back whatever refers to a missing frame, and says so only where it is asked for it
        self.keeps_back = context.name == "hevc"
        if self.keeps_back:
            context.flags |= Flags.output_corrupt

    def __iter__(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Every frame with its seconds since the first."""
        account, in_a_row = self.account, 0
        for packet in self.packets():
            seconds = self.clock.at(packet.pts * self.ticks if packet.pts is not None else None)
            account.packets += 1
            try:
                frames = packet.decode()
            except Exception as error:
                if fault_of_machine(error):
                    raise
                in_a_row += 1
                account.lose(seconds, reason(error))
                if in_a_row >= MOST_IN_A_ROW:
                    account.ended_early = f"{in_a_row:,} damaged packets in a row"
                    return
                continue
            if packet.is_corrupt and len(account.marked) < KEPT_DAMAGES:
                account.marked.append((account.packets, seconds))
            for frame in frames:
                in_a_row = 0
                seconds = self.seconds_of(frame)
                if self.kept(frame, seconds):
                    account.frames += 1
                    self.shown = self.orientation_of(frame)
                    yield frame, seconds

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The packets of the track, and an empty one in the end; where one cannot be read, those behind it."""
        failed, why = 0, ""
        reading = self.container.demux(self.stream)
        while failed < MOST_IN_A_ROW:
            try:
                packet = next(reading)
            except StopIteration:
                return
            except Exception as error:
                if fault_of_machine(error):
                    raise
                failed, why = failed + 1, reason(error)
                reading = self.container.demux(self.stream)  # goes on behind what failed
                continue
            if failed and packet.size:
                self.account.lose(self.clock.last, why, failed)
            elif failed:
                self.account.ended_early = why
            failed = 0
            yield packet
        self.account.ended_early = why

    def kept(self, frame: av.VideoFrame, seconds: float) -> bool:
        """Count a frame that is marked as damaged; whether it is shown nevertheless."""
        if not frame.is_corrupt:
            return True
        if not self.account.bad_frames:
            self.account.first_bad = seconds
        self.account.bad_frames += 1
        return not self.keeps_back

    def seconds_of(self, frame: av.VideoFrame) -> float:
        """Seconds since the first frame."""
        seams = len(self.clock.seams)
        seconds = self.clock.tick(frame.time, (frame.duration or 0) * self.ticks)
        if len(self.clock.seams) > seams and len(self.account.seams) < KEPT_DAMAGES:
            self.account.seams.append(self.account.packets)
        return seconds

    def orientation_of(self, frame: av.VideoFrame) -> Orientation:
        """The orientation of a frame; one that the stream says goes on until the next key frame."""
        found = orientation(frame)
        return found or (AS_STORED if frame.key_frame else self.shown)

    def spoil(self, error: Exception) -> None:
        """Count the frame that was just given as one that cannot be shown."""
        if fault_of_machine(error):
            raise error
        self.account.frames -= 1
        self.account.lose(self.clock.last, reason(error))


def rate_of(stream: VideoStream) -> float:
    """Frames a second, as the stream or its container has it."""
    for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if rate and RATES[0] <= rate <= RATES[1]:
            return float(rate)
    return RATE
