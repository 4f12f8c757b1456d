"""Processes of this machine, as ``/proc`` shows them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process.

    Attributes:
        number: its number, which another may get once it has ended.
        started: when it started, in clock ticks since the machine did: with the number, its identity.
        words: its command line.
        folder: the folder it works in.
    """

    number: int
    started: str
    words: tuple[str, ...]
    folder: Path


def alive(number: int) -> bool:
    """Whether a process of this machine runs; one that has ended and that nobody has waited for does not."""
    try:
        os.kill(number, 0)
        state = (PROC / str(number) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:  # another user's, or a system without /proc
        return True
    return state != "Z"


def running() -> list[Process]:
    """The processes that this user may look at, by number; none where the system has no ``/proc``."""
    numbers = sorted(int(entry.name) for entry in PROC.glob("[0-9]*"))
    return [process for process in map(look_at, numbers) if process is not None]


def look_at(number: int) -> Process | None:
    """A process by its number; None where it has ended, or is another user's."""
    entry = PROC / str(number)
    try:
        words = (entry / "cmdline").read_bytes().decode(errors="surrogateescape").rstrip("\0").split("\0")
        started = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
        folder = (entry / "cwd").readlink()
    except OSError:
        return None
    return Process(number, started, tuple(words), folder) if words != [""] else None  # one that has ended has no words


def still_runs(process: Process) -> bool:
    """Whether it runs, and no other has taken its number."""
    now = look_at(process.number)
    return now is not None and now.started == process.started


def end(processes: Iterable[Process], grace: float, poll: float = 0.1) -> list[Process]:
    """Ask processes to end (SIGTERM), and end those that have not after ``grace`` seconds (SIGKILL).

    Returns:
        Those that had to be ended.
    """
    left = [process for process in processes if send(process, signal.SIGTERM)]
    deadline = time.monotonic() + grace
    while (left := [process for process in left if still_runs(process)]) and time.monotonic() < deadline:
        time.sleep(poll)
    return [process for process in left if send(process, signal.SIGKILL)]


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal; False where the process has ended."""
    if not still_runs(process):
        return False
    try:
        os.kill(process.number, number)
    except ProcessLookupError:
        return False
    return True
